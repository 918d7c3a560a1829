"""Strings as integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def sorted_codes(*columns: pa.Array) -> tuple[pa.Array, list[npt.NDArray[np.int64]]]:
    """The distinct strings of all columns together, and the code of every value.

    Args:
        columns: `large_string` arrays without nulls.

    Returns:
        The distinct values by code point, and for each column an int64 array of the places of
        its values among them.
    """
    together = pa.chunked_array(list(columns), pa.large_string())
    encoded = together.combine_chunks().dictionary_encode()
    order = pc.sort_indices(encoded.dictionary).to_numpy().astype(np.int64)
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    codes = rank[encoded.indices.to_numpy()]
    ends = np.cumsum([len(column) for column in columns])[:-1]
    return encoded.dictionary.take(pa.array(order)), np.split(codes, ends)
