"""Queries: an id beside the mean of its words, equation (1) without the projection."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf
from keras import ops

from sesrec_tf.layers.id_embedding import IdEmbedding
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
        return ops.concatenate([self.ids(ids), self._text(words)], axis=-1)

    def _text(self, words: Tensor) -> Tensor:
        """`MEAN(E_word)` `[..., w]`; most of the places for words are padding, not looked up."""
        flat = tf.reshape(words, [-1, words.shape[-1]])
        is_real = flat != PADDING
        real = tf.where(is_real)
        vectors = self.words(tf.gather_nd(flat, real))
        total = tf.math.unsorted_segment_sum(vectors, real[:, 0], tf.shape(flat)[0])
        count = tf.reduce_sum(tf.cast(is_real, total.dtype), axis=-1, keepdims=True)
        shape = [*tf.unstack(tf.shape(words)[:-1]), self.words.width]
        return tf.reshape(total / tf.maximum(count, 1), shape)

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
