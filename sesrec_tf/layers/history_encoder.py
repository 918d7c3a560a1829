"""Positions and transformer blocks over one history, equations (2), (4) and (5)."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.initializers import table_initializer
from sesrec_tf.layers.transformer_block import TransformerBlock

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class HistoryEncoder(keras.layers.Layer):
    """`H = FFN(MHA(E + P))`, with positions counted from the oldest event kept.

    Args:
        heads, dropout, initialization: see `TransformerBlock`.
        blocks: number of blocks.
        position_initialization: see `table_initializer`.
    """

    def __init__(
        self,
        heads: int,
        blocks: int = 1,
        dropout: float = 0.1,
        initialization: str = "glorot_normal",
        position_initialization: str | float = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.position_initialization = position_initialization
        self.blocks = [
            TransformerBlock(
                heads, dropout, initialization, dtype=self.dtype_policy, name=f"block_{number}"
            )
            for number in range(blocks)
        ]

    def build(self, input_shape: Any) -> None:
        self.positions = self.add_weight(
            name="positions",
            shape=tuple(input_shape[-2:]),
            initializer=table_initializer(self.position_initialization, zero_first_row=False),
        )
        for block in self.blocks:
            block.build(input_shape)

    def call(
        self, events: Tensor, mask: Tensor, training: bool = False, seed: Tensor | None = None
    ) -> Tensor:
        """Encodes a history.

        Args:
            events: float `[B, T, d]`, left-aligned.
            mask: bool `[B, T]`.
            training: whether dropout is active.
            seed: int32 `[2]`, (seed, step), for dropout.

        Returns:
            States `H` `[B, T, d]`: zeros in a history without events; at the padded positions of
            another finite and to be masked by the reader.
        """
        hidden = events + self.positions
        for block in self.blocks:
            hidden = block(hidden, mask, training=training, seed=seed)
        any_event = ops.any(mask, axis=-1)[:, None, None]
        return hidden * ops.cast(any_event, hidden.dtype)

    def get_config(self) -> dict[str, Any]:
        block = self.blocks[0]
        return {
            **super().get_config(),
            "heads": block.attention.heads,
            "blocks": len(self.blocks),
            "dropout": block.attention_dropout.rate,
            "initialization": block.attention.initialization,
            "position_initialization": self.position_initialization,
        }
