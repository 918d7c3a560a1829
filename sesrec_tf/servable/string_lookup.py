"""Raw ids to vocabulary indices, inside the serving graph."""

from __future__ import annotations

from pathlib import Path

import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN, PADDING, UNKNOWN


class StringLookup:
    """A hash table over a vocabulary file, which becomes an asset of the SavedModel.

    Args:
        file: one raw id a line; line n (from 0) has index n + 2.
        size: lines the file should have.

    Attributes:
        table: the TensorFlow resource, to be tracked by whatever is exported; `None` for an empty
            vocabulary, which TensorFlow cannot read from a file.

    Raises:
        InputError: if the file is missing or has another number of lines.
    """

    def __init__(self, file: Path, size: int) -> None:
        _require_lines(file, size)
        self.table: tf.lookup.StaticHashTable | None = None
        if size == 0:
            return
        index = tf.lookup.TextFileIndex
        initializer = tf.lookup.TextFileInitializer(
            str(file),
            tf.string,
            index.WHOLE_LINE,
            tf.int64,
            index.LINE_NUMBER,
            value_index_offset=FIRST_KNOWN,
        )
        self.table = tf.lookup.StaticHashTable(initializer, UNKNOWN)

    def __call__(self, ids: tf.Tensor) -> tf.Tensor:
        """Indices int32 `[...]` of raw ids `[...]`: 0 for "", 1 for an id of no line."""
        indices = UNKNOWN if self.table is None else tf.cast(self.table.lookup(ids), tf.int32)
        return tf.where(tf.equal(ids, ""), PADDING, indices)


def _require_lines(file: Path, size: int) -> None:
    try:
        with file.open("rb") as stream:
            lines = sum(block.count(b"\n") for block in iter(lambda: stream.read(1 << 20), b""))
    except OSError as error:
        raise InputError(
            f"cannot read the vocabulary {file}: {error}. Use a complete run directory."
        ) from error
    if lines != size:
        raise InputError(
            f"the vocabulary {file} has {lines} lines, expected {size}, the rows the model was "
            "built with. Use the files of one and the same run."
        )
