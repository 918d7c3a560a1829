"""Queries: an id beside the mean of its words, equation (1) without the projection."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.layers.masking import masked_mean
from sesrec_tf.schema import PADDING

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class QueryEmbedding(keras.layers.Layer):
    """`e^q = E_id ‖ MEAN(E_word)`; a query of no words has a zero text part.

    Args:
        vocabulary_size, word_vocabulary_size: known queries and words.
        width, word_width: widths of the two parts.
        unknown_row: whether the tables have unknown rows (both have a padding row).
        initialization: see `table_initializer`.
    """

    def __init__(
        self,
        vocabulary_size: int,
        word_vocabulary_size: int,
        width: int,
        word_width: int,
        unknown_row: bool = True,
        initialization: str | float = "glorot_normal",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.ids = IdEmbedding(
            vocabulary_size,
            width,
            unknown_row=unknown_row,
            initialization=initialization,
            dtype=self.dtype_policy,
            name="ids",
        )
        self.words = IdEmbedding(
            word_vocabulary_size,
            word_width,
            unknown_row=unknown_row,
            initialization=initialization,
            dtype=self.dtype_policy,
            name="words",
        )

    @property
    def width(self) -> int:
        """Width of the concatenated vector."""
        return self.ids.width + self.words.width

    def build(self, input_shape: Any = None) -> None:
        self.ids.build(input_shape)
        self.words.build(input_shape)

    def call(self, ids: Tensor, words: Tensor) -> Tensor:
        """Vectors of queries.

        Args:
            ids: int `[...]`.
            words: int `[..., L]`, 0 at padding.

        Returns:
            Float `[..., width]`.
        """
        text = masked_mean(self.words(words), ops.not_equal(words, PADDING))
        return ops.concatenate([self.ids(ids), text], axis=-1)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "vocabulary_size": self.ids.vocabulary_size,
            "word_vocabulary_size": self.words.vocabulary_size,
            "width": self.ids.width,
            "word_width": self.words.width,
            "unknown_row": self.ids.unknown_row,
            "initialization": self.ids.initialization,
        }
