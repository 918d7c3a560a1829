"""One post-norm transformer block, equations (4)-(5)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.flat_dense import FlatDense
from sesrec_tf.layers.initializers import xavier_normal
from sesrec_tf.layers.layer_norm import LayerNorm
from sesrec_tf.layers.seeded_dropout import SeededDropout
from sesrec_tf.layers.self_attention import SelfAttention

Tensor = Any

LAYER_NORM_EPSILON = 1e-8
LEAKY_SLOPE = 0.01


@keras.saving.register_keras_serializable("sesrec_tf")
class TransformerBlock(keras.layers.Layer):
    """`F = LN(E + Drop(MHA(E)))`, `H = LN(F + Drop(W_2 LeakyReLU(W_1 F)))`, inner width `d`.

    Args:
        heads: attention heads.
        dropout: rate on both sublayer outputs.
        initialization: of the attention, see `SelfAttention`.
    """

    def __init__(
        self,
        heads: int,
        dropout: float = 0.1,
        initialization: str = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        policy = self.dtype_policy
        self.attention = SelfAttention(heads, initialization, dtype=policy, name="attention")
        self.attention_dropout = SeededDropout(dropout, dtype=policy, name="attention_dropout")
        self.attention_norm = LayerNorm(
            epsilon=LAYER_NORM_EPSILON, dtype=policy, name="attention_norm"
        )
        self.feed_forward_dropout = SeededDropout(
            dropout, dtype=policy, name="feed_forward_dropout"
        )
        self.feed_forward_norm = LayerNorm(
            epsilon=LAYER_NORM_EPSILON, dtype=policy, name="feed_forward_norm"
        )

    def build(self, input_shape: Any) -> None:
        width = input_shape[-1]
        self.attention.build(input_shape)
        self.attention_norm.build(input_shape)
        self.feed_forward_norm.build(input_shape)
        dense = {
            "units": width,
            "kernel_initializer": xavier_normal(width, width),
            "dtype": self.dtype_policy,
        }
        self.inner = FlatDense(name="inner", **dense)
        self.outer = FlatDense(name="outer", **dense)
        self.inner.build(input_shape)
        self.outer.build(input_shape)

    def call(
        self, events: Tensor, mask: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """Encodes events `[B, T, d]` with mask `[B, T]`, see `SelfAttention`."""
        attended = self.attention(events, mask)
        attended = self.attention_dropout(attended, training=training, seed=seed)
        hidden = self.attention_norm(events + attended)
        inner = ops.leaky_relu(self.inner(hidden), negative_slope=LEAKY_SLOPE)
        forward = self.feed_forward_dropout(self.outer(inner), training=training, seed=seed)
        return self.feed_forward_norm(hidden + forward)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "heads": self.attention.heads,
            "dropout": self.attention_dropout.rate,
            "initialization": self.attention.initialization,
        }
