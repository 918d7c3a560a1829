"""Items and queries drawn as shared negatives of the alignment loss."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN

Tensor = Any

# Keeps these draws apart from those of dropout layers, whose salts are CRCs of their paths.
_ITEM_SALT, _QUERY_SALT = 0x40000001, 0x40000002


@keras.saving.register_keras_serializable("sesrec_tf")
class AlignmentNegatives(keras.layers.Layer):
    """Draws `N` items uniformly and `N` queries by training frequency.

    A query drawn from the distinct training texts by count is a session drawn uniformly, which
    is what the official loader does; no true positive is excluded. Draws depend on (seed, step)
    alone, so every replica sees the same ones.

    Args:
        number: `N`.
        items: known items.
        distinct_queries: rows of the query table.
        query_words: `L`.
    """

    def __init__(
        self, number: int, items: int, distinct_queries: int, query_words: int, **kwargs: Any
    ) -> None:
        super().__init__(trainable=False, **kwargs)
        self.number = number
        self.items = items
        self.distinct_queries = distinct_queries
        self.query_words = query_words

    def build(self, input_shape: Any = None) -> None:
        rows = max(self.distinct_queries, 1)
        self.queries = self.add_weight(
            name="queries", shape=(rows,), dtype="int32", initializer="zeros", trainable=False
        )
        self.words = self.add_weight(
            name="words",
            shape=(rows, self.query_words),
            dtype="int32",
            initializer="zeros",
            trainable=False,
        )
        self.cumulative = self.add_weight(
            name="cumulative", shape=(rows,), dtype="int64", initializer="zeros", trainable=False
        )

    def set_table(
        self,
        queries: npt.NDArray[np.int32],
        words: npt.NDArray[np.int32],
        counts: npt.NDArray[np.int64],
    ) -> None:
        """Loads the distinct training queries: indices `[Q]`, words `[Q, L]`, counts `[Q]`."""
        if len(queries) == 0:
            queries, words = (
                np.array([UNKNOWN], np.int32),
                np.zeros((1, self.query_words), np.int32),
            )
            counts = np.ones(1, np.int64)
        self.queries.assign(queries)
        self.words.assign(words)
        self.cumulative.assign(np.cumsum(counts))

    def call(self, seed: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Draws.

        Args:
            seed: int32 `[2]`, (seed, step).

        Returns:
            Items `[N]`, queries `[N]` and their words `[N, L]`, int32.
        """
        items = tf.random.stateless_uniform(
            [self.number],
            seed + tf.constant([_ITEM_SALT, 0]),
            FIRST_KNOWN,
            self.items + FIRST_KNOWN,
            tf.int32,
        )
        cumulative = tf.convert_to_tensor(self.cumulative)
        # An empty table (a preset built without data) still draws: its row 0.
        total = tf.maximum(cumulative[-1], 1)
        sessions = tf.random.stateless_uniform(
            [self.number], seed + tf.constant([_QUERY_SALT, 0]), 0, total, tf.int64
        )
        rows = tf.searchsorted(cumulative, sessions, side="right")
        rows = tf.minimum(rows, tf.shape(cumulative)[0] - 1)
        return items, tf.gather(self.queries.value, rows), tf.gather(self.words.value, rows)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("trainable")
        return {
            **config,
            "number": self.number,
            "items": self.items,
            "distinct_queries": self.distinct_queries,
            "query_words": self.query_words,
        }
