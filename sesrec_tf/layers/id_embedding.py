"""Embedding of vocabulary indices, with or without rows for padding and unknown ids."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from sesrec_tf.layers.initializers import table_initializer
from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class IdEmbedding(keras.layers.Layer):
    """Looks up the rows of a table by vocabulary index (0 padding, 1 unknown, then known ids).

    An index without a row of its own (padding always; unknown ids in a table without an unknown
    row) gives the zero vector and no gradient. The gradient of the table is sparse: only the
    rows looked up.

    Args:
        vocabulary_size: known ids.
        width: length of a vector.
        padding_row, unknown_row: whether the table has these rows. The official tables count a
            padding row for items, queries and words, and no unknown row anywhere.
        initialization: see `table_initializer`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        width: int,
        padding_row: bool = True,
        unknown_row: bool = True,
        initialization: str | float = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.vocabulary_size = vocabulary_size
        self.width = width
        self.padding_row = padding_row
        self.unknown_row = unknown_row
        self.initialization = initialization

    @property
    def rows(self) -> int:
        """Rows of the table."""
        return self.vocabulary_size + int(self.padding_row) + int(self.unknown_row)

    @property
    def first_row_index(self) -> int:
        """Vocabulary index of the table's row 0 (of a row that has a value of its own)."""
        return FIRST_KNOWN - int(self.padding_row) - int(self.unknown_row)

    def build(self, input_shape: Any = None) -> None:
        self.table = self.add_weight(
            name="table",
            shape=(max(self.rows, 1), self.width),
            initializer=table_initializer(self.initialization, self.padding_row),
            # Casting the whole table would cost a pass over it and make its gradient dense.
            autocast=False,
        )

    def call(self, ids: Tensor) -> Tensor:
        """Vectors of `ids`, int `[...]` to float `[..., width]` in the compute dtype."""
        rows = ops.maximum(ids - self.first_row_index, 0)
        table = self.table.value if hasattr(self.table, "value") else self.table
        vectors = ops.cast(tf.gather(table, rows), self.compute_dtype)
        has_row = ids >= (UNKNOWN if self.unknown_row else FIRST_KNOWN)
        return vectors * ops.cast(ops.expand_dims(has_row, -1), self.compute_dtype)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.vocabulary_size,
            "width": self.width,
            "padding_row": self.padding_row,
            "unknown_row": self.unknown_row,
            "initialization": self.initialization,
        }
