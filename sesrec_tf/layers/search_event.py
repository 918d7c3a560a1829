"""A search session as one event: query, clicks and source, equation (3) without the position."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.layers.masking import masked_mean
from sesrec_tf.schema import FIRST_KNOWN

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class SearchEvent(keras.layers.Layer):
    """`ê^q + MEAN(ê^c) + M̂_s`: projected query, mean projected click, embedded source.

    Args:
        sources: known query sources.
        width: `d`.
        closed: a table of exactly `max(1, sources)` rows, where no source means row 0 (the
            official tables); otherwise padding and unknown rows precede them.
        initialization: see `table_initializer`.
    """

    def __init__(
        self,
        sources: int,
        width: int,
        closed: bool = False,
        initialization: str | float = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.sources = sources
        self.closed = closed
        self.source_embedding = IdEmbedding(
            max(1, sources) if closed else sources,
            width,
            padding_row=not closed,
            unknown_row=not closed,
            initialization=initialization,
            dtype=self.dtype_policy,
            name="sources",
        )

    def build(self, input_shape: Any = None) -> None:
        self.source_embedding.build(input_shape)

    def call(self, queries: Tensor, clicks: Tensor, click_mask: Tensor, sources: Tensor) -> Tensor:
        """Vectors of sessions.

        Args:
            queries: projected queries `[B, T_s, d]`.
            clicks: projected clicked items `[B, T_s, C, d]`.
            click_mask: bool `[B, T_s, C]`; a session without clicks adds the zero vector.
            sources: int `[B, T_s]`.

        Returns:
            Float `[B, T_s, d]`.
        """
        if self.closed:
            sources = ops.maximum(sources, FIRST_KNOWN)
        return queries + masked_mean(clicks, click_mask) + self.source_embedding(sources)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "sources": self.sources,
            "width": self.source_embedding.width,
            "closed": self.closed,
            "initialization": self.source_embedding.initialization,
        }
