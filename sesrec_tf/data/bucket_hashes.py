"""Digests of what belongs to each bucket of users."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.data.content_hash import ContentHash
from sesrec_tf.data.user_buckets import bucket_runs


class BucketHashes:
    """A `ContentHash` for every bucket.

    What one process, machine or file holds of a bucket it holds whole and in the order of users,
    so that the digests do not depend on how the buckets are divided.
    """

    def __init__(self) -> None:
        self._hashes: dict[int, ContentHash] = {}

    def add(
        self, name: str, rows: pa.Table | pa.RecordBatch, buckets: npt.NDArray[np.int64]
    ) -> None:
        """Appends rows under a name.

        Args:
            name: of what they are.
            rows: `N` rows.
            buckets: `[N]` of each row, ascending.
        """
        for bucket, start, end in bucket_runs(buckets):
            digest = self._hashes.setdefault(bucket, ContentHash())
            digest.add_table(name, rows.slice(start, end - start))

    def hexdigests(self) -> dict[int, str]:
        """The digest of every bucket that holds anything."""
        return {bucket: digest.hexdigest() for bucket, digest in sorted(self._hashes.items())}


def combined(parts: Iterable[Mapping[int, str]]) -> str:
    """One digest of the buckets of all parts, whatever the order of the parts."""
    buckets = {bucket: digest for part in parts for bucket, digest in part.items()}
    total = ContentHash()
    for bucket in sorted(buckets):
        total.add_text("buckets", f"{bucket} {buckets[bucket]}\n")
    return total.hexdigest()
