"""Lists of words or ids, one a row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def text_lists(lengths: npt.NDArray[np.integer], values: pa.Array) -> pa.LargeListArray:
    """Lists from their lengths and the texts of all one after another."""
    offsets = np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])
    texts = values.cast(pa.large_string())
    return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), texts)


def joined(lists: pa.LargeListArray) -> pa.LargeStringArray:
    """The texts of each list, separated by spaces."""
    # Arrow joins no list of large text.
    texts = lists.cast(pa.large_list(pa.string()))
    return pc.binary_join(texts, " ").cast(pa.large_string())
