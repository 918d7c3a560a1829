from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.data.padded_rows import padded_rows, rows_and_places


def test_golden() -> None:
    # Rows [5 6 7], [], [8].
    offsets, values = np.array([0, 3, 3, 4]), np.array([5, 6, 7, 8], np.int32)
    row, place = rows_and_places(offsets)
    assert row.tolist() == [0, 0, 0, 2]
    assert place.tolist() == [0, 1, 2, 0]
    assert padded_rows(offsets, values, 2).tolist() == [[5, 6], [0, 0], [8, 0]]
    assert padded_rows(offsets, values, 2).dtype == np.int32


@given(st.lists(st.lists(st.integers(1, 9), max_size=6), max_size=6), st.integers(1, 4))
def test_every_row_is_cut_or_padded(rows: list[list[int]], width: int) -> None:
    offsets = np.cumsum([0, *map(len, rows)])
    values = np.array([value for row in rows for value in row], np.int32)
    expected = [(row + [0] * width)[:width] for row in rows]
    assert padded_rows(offsets, values, width).tolist() == expected
    row, place = rows_and_places(offsets)
    pairs = [(number, at) for number, values in enumerate(rows) for at in range(len(values))]
    assert list(zip(row, place, strict=True)) == pairs
