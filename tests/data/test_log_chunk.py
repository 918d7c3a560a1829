from __future__ import annotations

import json

import numpy as np
import pyarrow as pa

from sesrec_tf.data.log_chunk import REJECTED, ROW, LogChunk, rejection


def test_rows_as_columns_are_kept_as_json() -> None:
    rows = pa.table({"user_id": ["größe", None], "timestamp": [1, 2]})
    found = rejection(np.array([7, 3]), "user_id is empty", "an id", rows)
    assert found.schema == REJECTED
    assert found.to_pylist() == [
        {
            "row": row,
            "reason": "user_id is empty",
            "expected": "an id",
            "content": content,
        }
        for row, content in (
            (7, '{"user_id": "größe", "timestamp": 1}'),
            (3, '{"user_id": null, "timestamp": 2}'),
        )
    ]


def test_values_that_json_has_no_word_for_are_written_as_text() -> None:
    rows = pa.table({"timestamp": pa.array([0], pa.timestamp("s"))})
    (row,) = rejection(np.array([0]), "r", "e", rows).to_pylist()
    assert json.loads(row["content"]) == {"timestamp": "1970-01-01 00:00:00"}


def test_lines_of_a_file_are_kept_as_they_are() -> None:
    found = rejection(np.array([0, 1]), "r", "e", ["a,b", ""])
    assert found["content"].to_pylist() == ["a,b", ""]


def test_long_rows_are_cut() -> None:
    longest, longer = "x" * 2_000, "y" * 2_001
    found = rejection(np.array([0, 1]), "r", "e", [longest, longer])
    assert found["content"].to_pylist() == [longest, "y" * 2_000 + " …"]


def test_no_rows() -> None:
    found = rejection(np.empty(0, np.int64), "r", "e", [])
    assert found.schema == REJECTED
    assert len(found) == 0


def test_a_chunk_rejects_nothing_unless_it_says_so() -> None:
    chunk = LogChunk(pa.table({ROW: [0]}))
    assert chunk.rejected.schema == REJECTED
    assert len(chunk.rejected) == 0
