"""Vocabulary indices back to raw ids, inside the serving graph."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from sesrec_tf.schema import FIRST_KNOWN


class RawIds:
    """A hash table over a vocabulary file that is not empty.

    Args:
        file: one raw id a line; index n + 2 is line n (from 0).

    Attributes:
        table: the TensorFlow resource, to be tracked by whatever is exported.
    """

    def __init__(self, file: Path) -> None:
        index = tf.lookup.TextFileIndex
        initializer = tf.lookup.TextFileInitializer(
            str(file), tf.int64, index.LINE_NUMBER, tf.string, index.WHOLE_LINE
        )
        self.table = tf.lookup.StaticHashTable(initializer, "")

    def __call__(self, indices: tf.Tensor) -> tf.Tensor:
        """Raw ids `[...]` of indices int32 `[...]`: "" for padding and unknown."""
        return self.table.lookup(tf.cast(indices, tf.int64) - FIRST_KNOWN)
