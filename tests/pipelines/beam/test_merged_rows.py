from __future__ import annotations

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.beam.merged_rows import MergeRows, packed, unpacked
from sesrec_tf.data.log_chunk import REJECTED, ROW, rejection
from sesrec_tf.data.rejected_rows import TableRows
from tests.pipelines.beam.combining import combined


def some_rows(read: int, rejected: list[int], left_out: dict[str, int]) -> TableRows:
    content = [f"row {row}" for row in rejected]
    found = rejection(np.asarray(rejected, np.int64), "bad", "good", content)
    return TableRows(read, found, left_out)


PARTS = st.lists(
    st.builds(
        some_rows,
        st.integers(0, 1 << 40),
        st.lists(st.integers(0, 99), max_size=3),
        st.dictionaries(st.sampled_from("ab"), st.integers(1, 9)),
    ),
    max_size=9,
)


@settings(deadline=None, max_examples=30)
@given(PARTS, st.randoms(use_true_random=False))
def test_the_sum_is_the_same_whatever_the_order(parts: list[TableRows], random: object) -> None:
    found = unpacked(combined(MergeRows(), [packed(part) for part in parts], random))
    assert found.read == sum(part.read for part in parts)
    reasons = {reason for part in parts for reason in part.left_out}
    assert found.left_out == {
        reason: sum(part.left_out.get(reason, 0) for part in parts) for reason in reasons
    }
    rows = [row for part in parts for row in part.rejected.to_pylist()]
    assert sorted(found.rejected.to_pylist(), key=str) == sorted(rows, key=str)
    assert found.rejected.schema.equals(REJECTED, check_metadata=True)


def test_the_sum_of_nothing() -> None:
    combine = MergeRows()
    found = unpacked(combine.extract_output(combine.create_accumulator()))
    assert (found.read, len(found.rejected)) == (0, 0)
    assert unpacked(combine.extract_output(combine.merge_accumulators([]))).read == 0


def test_packed_rows_are_read_back() -> None:
    found = unpacked(packed(some_rows(5, [3, 1], {"no search": 2})))
    assert (found.read, found.left_out) == (5, {"no search": 2})
    assert found.rejected[ROW].to_pylist() == [3, 1]


def test_parts_and_chunks_stay_few() -> None:
    combine = MergeRows()
    accumulator = combine.create_accumulator()
    for number in range(300):
        # As a reader of records makes them: a table for each rejected row.
        rows = [some_rows(0, [row], {}).rejected for row in (2 * number, 2 * number + 1)]
        part = packed(TableRows(2, pa.concat_tables(rows)))
        assert unpacked(part).rejected[ROW].num_chunks == 1
        accumulator = combine.add_input(accumulator, part)
        assert len(accumulator) < 64
    found = unpacked(combine.extract_output(accumulator))
    assert found.rejected[ROW].num_chunks == 1
    assert found.rejected[ROW].to_pylist() == [*range(600)]
    assert found.read == 600
