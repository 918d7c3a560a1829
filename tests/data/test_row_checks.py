from __future__ import annotations

import pyarrow as pa

from sesrec_tf.data.log_chunk import REJECTED
from sesrec_tf.data.row_checks import RowChecks
from tests.data.small_logs import refused


def checks() -> RowChecks:
    # Numbers of rows of a second file, with a gap.
    return RowChecks(pa.table({"a": ["x", "", None], "b": [1, 2, 3], "row": [100, 102, 103]}), "t")


def test_rows_keep_their_numbers_and_their_content() -> None:
    found = checks()
    found.refuse(pa.array([True, False, True]), "a", "is odd", "something even")
    assert found.usable.tolist() == [False, True, False]
    assert found.rejected().schema == REJECTED
    assert found.rejected().to_pylist() == [
        {
            "row": row,
            "reason": "a is odd",
            "expected": "something even",
            "content": content,
        }
        for row, content in ((100, '{"a": "x", "b": 1}'), (103, '{"a": null, "b": 3}'))
    ]


def test_a_row_is_rejected_under_the_first_rule_it_breaks() -> None:
    found = checks()
    found.refuse(pa.array([False, True, False]), "a", "is odd", "e")
    found.refuse(pa.array([False, True, True]), "b", "is large", "e")
    assert [(row, reason) for row, reason, _ in refused(found)] == [
        (102, "a is odd"),
        (103, "b is large"),
    ]


def test_what_cannot_be_said_of_a_row_counts_as_wrong() -> None:
    found = checks()
    found.refuse(pa.array([None, False, None], pa.bool_()), "a", "is odd", "e")
    assert found.usable.tolist() == [False, True, False]


def test_nothing_wrong() -> None:
    found = checks()
    found.refuse(pa.array([False] * 3), "a", "is odd", "e")
    assert found.usable.all()
    assert found.rejected().schema == REJECTED
    assert len(found.rejected()) == 0


def test_columns_come_in_one_piece_and_decoded() -> None:
    pieces = pa.chunked_array([["x"], ["y"]])
    rows = pa.table({"a": pieces, "b": pieces.dictionary_encode(), "row": [0, 1]})
    found = RowChecks(rows, "t")
    assert found.column("a").equals(pa.array(["x", "y"]))
    assert found.column("b").equals(pa.array(["x", "y"]))
