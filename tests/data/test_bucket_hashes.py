from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.bucket_hashes import BucketHashes, combined

BUCKETS = np.array([3, 3, 7, 200, 200, 200])
ROWS = pa.table({"user": [1, 2, 3, 4, 5, 6], "clicks": [["a"], [], ["b", "c"], [], [], ["d"]]})


def digests(rows: pa.Table, buckets: np.ndarray, name: str = "train") -> dict[int, str]:
    hashes = BucketHashes()
    hashes.add(name, rows, buckets)
    return hashes.hexdigests()


def test_a_digest_for_every_bucket() -> None:
    assert list(digests(ROWS, BUCKETS)) == [3, 7, 200]
    assert digests(ROWS.slice(0, 0), BUCKETS[:0]) == {}


@settings(deadline=None, max_examples=30)
@given(st.sets(st.integers(1, 5)))
def test_batches_make_no_difference(cuts: set[int]) -> None:
    hashes, ends = BucketHashes(), [0, *sorted(cuts), 6]
    for start, end in pairwise(ends):
        hashes.add("train", ROWS.slice(start, end - start), BUCKETS[start:end])
    assert hashes.hexdigests() == digests(ROWS, BUCKETS)


def test_a_record_batch_is_a_table() -> None:
    hashes = BucketHashes()
    hashes.add("train", ROWS.to_batches()[0], BUCKETS)
    assert hashes.hexdigests() == digests(ROWS, BUCKETS)


def test_only_the_bucket_of_a_changed_row_changes() -> None:
    changed = ROWS.set_column(0, "user", [[1, 2, 9, 4, 5, 6]])
    before, after = digests(ROWS, BUCKETS), digests(changed, BUCKETS)
    assert {bucket for bucket in before if before[bucket] != after[bucket]} == {7}


def test_names_order_and_lists_matter() -> None:
    before = digests(ROWS, BUCKETS)[200]
    swapped = ROWS.take(pa.array([0, 1, 2, 4, 3, 5]))
    assert digests(ROWS, BUCKETS, "valid")[200] != before
    assert digests(swapped, BUCKETS)[200] != before
    moved = ROWS.set_column(1, "clicks", [[["a"], [], ["b", "c"], [], ["d"], []]])
    assert digests(moved, BUCKETS)[200] != before


def test_combined() -> None:
    parts = [{3: "x", 200: "y"}, {}, {7: "z"}]
    assert combined(parts) == combined(parts[::-1]) == combined([{7: "z", 200: "y", 3: "x"}])
    assert combined(parts) != combined([{3: "x", 200: "z"}, {7: "y"}])
    assert combined(parts) != combined([{3: "x", 201: "y"}, {7: "z"}])
    assert combined([]) != combined([{0: ""}])
