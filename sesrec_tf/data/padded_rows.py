"""Ragged rows as dense ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sesrec_tf.schema import PADDING

Integers = npt.NDArray[np.int64]


def rows_and_places(offsets: Integers) -> tuple[Integers, Integers]:
    """Row of every value of a ragged array, and its place within the row from 0.

    Args:
        offsets: `[rows + 1]`.
    """
    lengths = np.diff(offsets)
    row = np.repeat(np.arange(len(lengths)), lengths)
    return row, np.arange(len(row)) - offsets[row]


def padded_rows(
    offsets: Integers, values: npt.NDArray[np.int32], width: int
) -> npt.NDArray[np.int32]:
    """The first `width` values of every row, padded on the right.

    Args:
        offsets: `[rows + 1]`; row n has the values from `offsets[n]` to `offsets[n + 1]`.
        values: of all rows, one after another.
        width: of the result.

    Returns:
        `[rows, width]`.
    """
    row, place = rows_and_places(offsets)
    matrix = np.full((len(offsets) - 1, width), PADDING, np.int32)
    kept = place < width
    matrix[row[kept], place[kept]] = values[kept]
    return matrix
