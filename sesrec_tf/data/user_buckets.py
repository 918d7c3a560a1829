"""The order of users, and how they are divided: by a hash of their ids.

A bucket holds the users whose hashes begin with the same bits. Every division of the work, over
processes, machines or files, is one of consecutive buckets, so that putting its parts one after
another gives the same order of users whatever their number.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sesrec_tf.data.sorted_codes import sorted_codes

BUCKETS = 256

# SipHash under a fixed key: the same in every process, on every machine.
_KEY = "sesrec_tf_users1"
_BITS = 64 - (BUCKETS - 1).bit_length()


def user_hashes(users: pa.Array) -> npt.NDArray[np.uint64]:
    """64-bit hashes of ids.

    Args:
        users: `[N]` strings without nulls.
    """
    return pd.util.hash_array(
        np.asarray(users.to_pylist(), np.object_), hash_key=_KEY, categorize=False
    )


def bucket_of(hashes: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
    """Buckets from 0 to `BUCKETS` - 1, in the order of the hashes."""
    return (hashes >> np.uint64(_BITS)).astype(np.int64)


def row_buckets(users: pa.Array) -> npt.NDArray[np.int64]:
    """The bucket of every row's user."""
    encoded = users.dictionary_encode()
    return bucket_of(user_hashes(encoded.dictionary))[encoded.indices.to_numpy()]


def bucket_runs(buckets: npt.NDArray[np.int64]) -> Iterator[tuple[int, int, int]]:
    """Each bucket that occurs, with the place of its first row and the end of its rows.

    Args:
        buckets: `[N]` of every row, ascending.
    """
    starts = np.flatnonzero(np.diff(buckets, prepend=-1)).tolist()
    ends = [*starts[1:], len(buckets)]
    # Without rows there is an end and no start.
    for start, end in zip(starts, ends, strict=False):
        yield int(buckets[start]), start, end


def user_codes(
    *columns: pa.Array,
) -> tuple[pa.Array, npt.NDArray[np.int64], list[npt.NDArray[np.int64]]]:
    """The users of all columns together, ordered by (hash, id).

    Args:
        columns: `large_string` arrays without nulls.

    Returns:
        The distinct ids `[U]`, their buckets `[U]`, and for each column the places of its values
        among the ids.
    """
    users, codes = sorted_codes(*columns)
    hashes = user_hashes(users)
    order = np.argsort(hashes, kind="stable")
    rank = np.empty(len(order), np.int64)
    rank[order] = np.arange(len(order))
    return users.take(pa.array(order)), bucket_of(hashes[order]), [rank[code] for code in codes]
