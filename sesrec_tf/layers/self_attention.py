"""Multi-head self-attention over a padded history, equation (4)."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.flat_dense import affine
from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masked_attention import masked_attention

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class SelfAttention(keras.layers.Layer):
    """Scaled dot-product attention among the valid events, bidirectional, no dropout on weights.

    Queries, keys and values come from one packed `[d, 3d]` product: on small widths three
    separate products cost more in overhead than in arithmetic.

    Args:
        heads: number of heads; must divide `d`.
        initialization: `glorot_normal` per matrix, or `torch`: Xavier-uniform of the packed
            matrix, bound √(6 / 4d).

    Raises:
        ValueError: on build, if `heads` does not divide `d`.
    """

    def __init__(self, heads: int, initialization: str = "glorot_normal", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.heads = heads
        self.initialization = initialization

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        if width % self.heads:
            raise ValueError(
                f"`heads` should divide the width. Received: heads={self.heads}, width={width}."
            )
        bound = math.sqrt(6.0 / (4 * width))
        packed = (
            keras.initializers.RandomUniform(-bound, bound)
            if self.initialization == "torch"
            else xavier_normal(width, width)
        )
        self.projection_kernel = self.add_weight(
            name="projection_kernel", shape=(width, 3 * width), initializer=packed
        )
        self.projection_bias = self.add_weight(
            name="projection_bias", shape=(3 * width,), initializer="zeros"
        )
        self.output_kernel = self.add_weight(
            name="output_kernel", shape=(width, width), initializer=xavier_normal(width, width)
        )
        self.output_bias = self.add_weight(name="output_bias", shape=(width,), initializer="zeros")

    def call(self, events: Tensor, mask: Tensor) -> Tensor:
        """Attends.

        Args:
            events: float `[B, T, d]`.
            mask: bool `[B, T]`.

        Returns:
            Float `[B, T, d]`; at padded positions meaningless but finite.
        """
        length, width = events.shape[1], events.shape[2]
        size = width // self.heads
        packed = affine(events, self.projection_kernel, self._bias())
        packed = ops.reshape(packed, (-1, length, 3, self.heads, size))
        query, key, value = ops.unstack(ops.transpose(packed, (2, 0, 3, 1, 4)), 3, axis=0)
        context = masked_attention(query / math.sqrt(size), key, value, mask)
        context = ops.reshape(ops.transpose(context, (0, 2, 1, 3)), (-1, length, width))
        return affine(context, self.output_kernel, self.output_bias)

    def _bias(self) -> Tensor:
        """The packed bias without a gradient for the keys' part.

        The softmax cancels that part, so its gradient is zero; Adam would turn the rounding
        errors left of it into full steps that differ with the number of replicas.
        """
        query, key, value = ops.split(ops.convert_to_tensor(self.projection_bias), 3)
        return ops.concatenate([query, ops.stop_gradient(key), value])

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.heads,
            "initialization": self.initialization,
        }
