"""Alignment of queries with the items they lead to, equations (6)-(8)."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from sesrec_tf.layers.distinct_rows import distinct_ids
from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masking import at_least_float32
from sesrec_tf.layers.tanh_logsumexp import tanh_logsumexp

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class MinimumValue(keras.constraints.Constraint):
    """Raises a variable to a lower bound after each update, so that its gradient never vanishes.

    Args:
        minimum: the bound.
    """

    def __init__(self, minimum: float) -> None:
        self.minimum = minimum

    def __call__(self, value: Tensor) -> Tensor:
        return ops.maximum(value, ops.cast(self.minimum, value.dtype))

    def get_config(self) -> dict[str, Any]:
        return {"minimum": self.minimum}


@keras.saving.register_keras_serializable("sesrec_tf")
class QueryItemAlignment(keras.layers.Layer):
    """Contrastive loss between projected queries and clicked items, both ways.

    `s(q, i) = tanh(ê^q W_A (ê^i)ᵀ)`; each (session, click) pair is told apart from shared
    negatives at temperature τ. The layer adds `weight/2 · ℓ_q2i` and `weight/2 · ℓ_i2q` with
    `add_loss`, in this order.

    Under a distribution strategy the mean over pairs divides by the pairs of all replicas, which
    the caller counts: an all-reduce in here would let replicas interleave, and Keras keeps the
    losses added during a call in one list.

    Args:
        weight: α.
        temperature: initial τ, trainable.
        minimum_temperature: lower bound of τ, or `None`.
        shared_bilinear: `W_A` transposed for items-to-queries, so that a pair has one similarity
            (slides); `False` is the official code.
        positive_in_denominator: official code; `False` divides by the negatives only (slides).
        reduction: `mean` over pairs, or `sum` over the pairs of an instance, mean over the batch.
    """

    term_names = ("alignment_q2i", "alignment_i2q")

    def __init__(
        self,
        weight: float = 0.1,
        temperature: float = 0.1,
        minimum_temperature: float | None = 1e-3,
        shared_bilinear: bool = True,
        positive_in_denominator: bool = True,
        reduction: str = "mean",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.initial_temperature = temperature
        self.minimum_temperature = minimum_temperature
        self.shared_bilinear = shared_bilinear
        self.positive_in_denominator = positive_in_denominator
        self.reduction = reduction

    @property
    def term_scale(self) -> float:
        """Factor of each term in the loss."""
        return self.weight / 2

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.bilinear = self.add_weight(
            name="bilinear", shape=(width, width), initializer=xavier_normal(width, width)
        )
        self.temperature = self.add_weight(
            name="temperature",
            shape=(),
            initializer=keras.initializers.Constant(self.initial_temperature),
            constraint=(
                None if self.minimum_temperature is None else MinimumValue(self.minimum_temperature)
            ),
        )

    def call(
        self,
        queries: Tensor,
        clicks: Tensor,
        click_mask: Tensor,
        negative_items: Tensor,
        negative_queries: Tensor,
        global_pairs: Tensor | None = None,
        query_places: Tensor | None = None,
        click_places: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Adds the two losses.

        Anchors that occur in several pairs are compared with the negatives once.

        Args:
            queries: projected queries `[B, T_s, d]`.
            clicks: projected clicked items `[B, T_s, C, d]`.
            click_mask: bool `[B, T_s, C]`, the pairs.
            negative_items, negative_queries: projected negatives `[N, d]`.
            global_pairs: scalar, pairs of all replicas' batches; needed with several replicas.
            query_places, click_places: int `[B, T_s]` and `[B, T_s, C]`, with which `queries` and
                `clicks` are distinct vectors `[U, d]`, and these say which one is where.

        Returns:
            `ℓ_q2i` and `ℓ_i2q`, scalars whose mean over replicas is the loss of the global
            batch; 0 if there is no pair.

        Raises:
            ValueError: if there are several replicas and `global_pairs` is not given.
        """
        pairs = tf.where(click_mask)
        query, query_of_pair = _anchors(queries, query_places, pairs[:, :2])
        item, item_of_pair = _anchors(clicks, click_places, pairs)
        bilinear = ops.convert_to_tensor(self.bilinear)
        query_bilinear = ops.matmul(query, bilinear)
        item_bilinear = ops.matmul(
            item, ops.transpose(bilinear) if self.shared_bilinear else bilinear
        )
        pair_items = tf.gather(item, item_of_pair)
        positive = ops.sum(tf.gather(query_bilinear, query_of_pair) * pair_items, axis=-1)
        reverse_positive = positive
        if not self.shared_bilinear:
            pair_queries = tf.gather(query, query_of_pair)
            reverse_positive = ops.sum(
                tf.gather(item_bilinear, item_of_pair) * pair_queries, axis=-1
            )
        divisor = self._divisor(click_mask, tf.shape(pairs)[0], global_pairs)
        losses = (
            self._loss(positive, query_bilinear, query_of_pair, negative_items, divisor),
            self._loss(reverse_positive, item_bilinear, item_of_pair, negative_queries, divisor),
        )
        for loss in losses:
            self.add_loss(self.term_scale * loss)
        return losses

    def _loss(
        self,
        positive: Tensor,
        anchors: Tensor,
        anchor_of_pair: Tensor,
        negatives: Tensor,
        divisor: Tensor,
    ) -> Tensor:
        # A tensor, not the variable: a custom gradient takes no variables.
        temperature = at_least_float32(tf.convert_to_tensor(self.temperature))
        positive = ops.tanh(at_least_float32(positive)) / temperature
        normalisers = tanh_logsumexp(anchors, negatives, temperature)
        losses = tf.gather(normalisers, anchor_of_pair) - positive
        if self.positive_in_denominator:
            # log(exp(normaliser) + exp(positive)) - positive
            losses = ops.softplus(losses)
        return ops.sum(losses) / ops.cast(divisor, losses.dtype)

    def _divisor(self, click_mask: Tensor, pairs: Tensor, global_pairs: Tensor | None) -> Tensor:
        """What the local sum is divided by, so that the mean over replicas is the global mean."""
        if self.reduction == "sum":
            return ops.shape(click_mask)[0]
        context = tf.distribute.get_replica_context()
        replicas = 1 if context is None else context.num_replicas_in_sync
        if replicas == 1:
            return tf.maximum(pairs, 1)
        if global_pairs is None:
            raise ValueError(
                f"`{self.name}` averages over the pairs of {replicas} replicas and needs "
                "`global_pairs`, their number. Received: None. Put the feature "
                "`click_pairs` into the training batches."
            )
        return tf.cast(tf.maximum(global_pairs, 1), tf.float32) / replicas

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight": self.weight,
            "temperature": self.initial_temperature,
            "minimum_temperature": self.minimum_temperature,
            "shared_bilinear": self.shared_bilinear,
            "positive_in_denominator": self.positive_in_denominator,
            "reduction": self.reduction,
        }


def _anchors(vectors: Tensor, places: Tensor | None, pairs: Tensor) -> tuple[Tensor, Tensor]:
    """The distinct vectors `[U, d]` of `pairs` `[M, axes]`, and the number of each pair's."""
    if places is None:
        shape = tf.shape(vectors)[:-1]
        places = tf.reshape(tf.range(tf.reduce_prod(shape)), shape)
        vectors = tf.reshape(vectors, [-1, vectors.shape[-1]])
    distinct = distinct_ids(tf.gather_nd(places, pairs))
    return tf.gather(vectors, distinct.rows), distinct.places
