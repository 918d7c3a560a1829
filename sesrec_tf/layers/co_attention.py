"""Co-attention between the two histories, equations (9)-(10)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.masking import at_least_float32, masked_softmax

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class CoAttention(keras.layers.Layer):
    """`A = tanh(H_s W_l H_rᵀ)`, `a^s = softmax(w_r H_rᵀ Aᵀ)`, `a^r = softmax(w_s H_sᵀ A)`.

    The weight of an event says how similar it is to the other history.

    Args:
        mask_both_axes: keep padded events of either history out of the sums, so that weights do
            not depend on the padding length; `False` is the official code.
    """

    def __init__(self, mask_both_axes: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.mask_both_axes = mask_both_axes

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.bilinear = self.add_weight(
            name="bilinear", shape=(width, width), initializer=xavier_normal(width, width)
        )
        self.rec_vector = self.add_weight(
            name="rec_vector", shape=(width,), initializer=xavier_normal(width, 1)
        )
        self.search_vector = self.add_weight(
            name="search_vector", shape=(width,), initializer=xavier_normal(width, 1)
        )

    def call(
        self, rec_states: Tensor, search_states: Tensor, rec_mask: Tensor, search_mask: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Weights of the events.

        Args:
            rec_states, search_states: `H_r` `[B, T_r, d]`, `H_s` `[B, T_s, d]`.
            rec_mask, search_mask: bool `[B, T_r]`, `[B, T_s]`.

        Returns:
            `a^r` `[B, T_r]` and `a^s` `[B, T_s]`, float32 or wider; each row sums to 1 over its
            valid events and is 0 elsewhere.
        """
        if self.mask_both_axes:
            rec_states = rec_states * ops.cast(rec_mask[..., None], rec_states.dtype)
            search_states = search_states * ops.cast(search_mask[..., None], search_states.dtype)
        affinity = ops.tanh(
            ops.matmul(
                ops.matmul(search_states, self.bilinear), ops.transpose(rec_states, (0, 2, 1))
            )
        )
        affinity = at_least_float32(affinity)
        rec_votes = at_least_float32(ops.matmul(rec_states, self.rec_vector))
        search_votes = at_least_float32(ops.matmul(search_states, self.search_vector))
        search_scores = ops.squeeze(ops.matmul(affinity, rec_votes[..., None]), -1)
        rec_scores = ops.squeeze(ops.matmul(search_votes[:, None, :], affinity), 1)
        return masked_softmax(rec_scores, rec_mask), masked_softmax(search_scores, search_mask)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "mask_both_axes": self.mask_both_axes}
