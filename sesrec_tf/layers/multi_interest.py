"""Candidate-aware pooling of a history under several masks, equations (17)-(20)."""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masking import masked_softmax

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class MultiInterest(keras.layers.Layer):
    """`u = ‖_m Σ_j a_j^m h_j` with `a^m = softmax_m(h_jᵀ W_d ê_v)`, one `W_d` for all masks.

    Args:
        initialization: `glorot_normal`, or `torch`: fans of a (1, d, d) tensor,
            std √(2 / (d² + d)).
    """

    def __init__(self, initialization: str = "glorot_normal", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.initialization = initialization

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        initializer = (
            keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / (width**2 + width)))
            if self.initialization == "torch"
            else xavier_normal(width, width)
        )
        self.bilinear = self.add_weight(
            name="bilinear", shape=(width, width), initializer=initializer
        )

    def call(self, states: Tensor, candidates: Tensor, masks: Tensor) -> Tensor:
        """Pools one history once per candidate and mask.

        Args:
            states: `H` `[B, T, d]`.
            candidates: `ê_v` `[B, K, d]`.
            masks: bool `[B, M, T]`: all, similar and dissimilar events (or all only).

        Returns:
            Interests `[B, K, M d]`; a mask without events gives zeros.
        """
        weights = ops.cast(self.weights_of(states, candidates, masks), self.compute_dtype)
        number, length = masks.shape[1], states.shape[1]
        pooled = ops.matmul(ops.reshape(weights, (ops.shape(states)[0], -1, length)), states)
        return ops.reshape(pooled, (ops.shape(states)[0], -1, number * states.shape[2]))

    def weights_of(self, states: Tensor, candidates: Tensor, masks: Tensor) -> Tensor:
        """The attention weights `[B, K, M, T]`, arguments as for `call`."""
        bilinear = ops.convert_to_tensor(self.bilinear)
        number = candidates.shape[1]
        # W_d is multiplied onto the fewer rows.
        if number is not None and number < states.shape[1]:
            candidates = ops.matmul(candidates, ops.transpose(bilinear))
        else:
            states = ops.matmul(states, bilinear)
        logits = ops.matmul(candidates, ops.transpose(states, (0, 2, 1)))
        return masked_softmax(logits[:, :, None, :], masks[:, None, :, :])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "initialization": self.initialization}
