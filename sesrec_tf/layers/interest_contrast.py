"""Disentangling similar from dissimilar interests, equations (9)-(16)."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
from keras import ops

from sesrec_tf.layers.co_attention import CoAttention
from sesrec_tf.layers.interest_partition import partition
from sesrec_tf.layers.masking import at_least_float32

Tensor = Any

# Torch's PairwiseDistance adds this to every component, which also keeps the root differentiable.
DISTANCE_EPSILON = 1e-6


class InterestSets(NamedTuple):
    """What the contrast finds in one history.

    Attributes:
        weights: co-attention `[B, T]`.
        similar, dissimilar: boolean masks `[B, T]`, the sets P and N.
    """

    weights: Tensor
    similar: Tensor
    dissimilar: Tensor


@keras.saving.register_keras_serializable("sesrec_tf")
class InterestContrast(keras.layers.Layer):
    """Co-attention, the partition it implies, and the triplet loss of each side.

    The layer adds `weight · L_tri` of the recommendation side and of the search side with
    `add_loss`, in this order. An instance with an empty history on either side contributes 0;
    the divisor stays `B`.

    Args:
        weight: β; with 0 no loss is computed.
        margin: `m` of (15).
        threshold, strict: see `partition`.
        mask_both_axes: see `CoAttention`.
    """

    term_names = ("contrast_rec", "contrast_search")

    def __init__(
        self,
        weight: float = 0.001,
        margin: float = 0.1,
        threshold: str | float = "mean",
        strict: bool = False,
        mask_both_axes: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.weight = weight
        self.margin = margin
        self.threshold = threshold
        self.strict = strict
        self.co_attention = CoAttention(
            mask_both_axes, dtype=self.dtype_policy, name="co_attention"
        )

    @property
    def term_scale(self) -> float:
        """Factor of each term in the loss."""
        return self.weight

    def build(self, input_shape: Any) -> None:
        self.co_attention.build(input_shape)

    def call(
        self,
        rec_states: Tensor,
        search_states: Tensor,
        rec_mask: Tensor,
        search_mask: Tensor,
        training: bool = False,
    ) -> tuple[InterestSets, InterestSets]:
        """Partitions both histories and, in training, adds the losses.

        Args:
            rec_states, search_states: `H_r` `[B, T_r, d]`, `H_s` `[B, T_s, d]`.
            rec_mask, search_mask: bool `[B, T_r]`, `[B, T_s]`.
            training: whether to add the losses.

        Returns:
            The sets of the recommendation and of the search history.
        """
        weights = self.co_attention(rec_states, search_states, rec_mask, search_mask)
        states, masks = (rec_states, search_states), (rec_mask, search_mask)
        rec, search = (
            InterestSets(weight, *partition(weight, mask, self.threshold, self.strict))
            for weight, mask in zip(weights, masks, strict=True)
        )
        if training and self.weight:
            counted = ops.logical_and(ops.any(rec_mask, axis=-1), ops.any(search_mask, axis=-1))
            for state, sets in zip(states, (rec, search), strict=True):
                self.add_loss(self.weight * self._triplet(state, sets, counted))
        return rec, search

    def _triplet(self, states: Tensor, sets: InterestSets, counted: Tensor) -> Tensor:
        """Mean over the batch of (15) for the anchor and means of (13)-(14)."""
        states = at_least_float32(states)
        shares = [
            ops.cast(sets.weights, states.dtype),
            _equal_shares(sets.similar, states.dtype),
            _equal_shares(sets.dissimilar, states.dtype),
        ]
        pooled = ops.matmul(ops.stack(shares, 1), states)
        anchor, positive, negative = ops.unstack(pooled, 3, axis=1)
        gap = _distance(anchor, positive) - _distance(anchor, negative) + self.margin
        return ops.mean(ops.maximum(gap, 0) * ops.cast(counted, gap.dtype))

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight": self.weight,
            "margin": self.margin,
            "threshold": self.threshold,
            "strict": self.strict,
            "mask_both_axes": self.co_attention.mask_both_axes,
        }


def _distance(left: Tensor, right: Tensor) -> Tensor:
    return ops.sqrt(ops.sum(ops.square(left - right + DISTANCE_EPSILON), axis=-1))


def _equal_shares(mask: Tensor, dtype: Any) -> Tensor:
    """`[B, T]` that pools by the mean over a set; zeros for an empty one."""
    members = ops.cast(mask, dtype)
    return members / ops.maximum(ops.sum(members, axis=-1, keepdims=True), 1)
