from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data import parquet_log_file
from sesrec_tf.data.log_chunk import CONTENT, EXPECTED, REASON, REJECTED, ROW
from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.stored_file import find_files
from sesrec_tf.data.utf8_columns import utf8_columns
from sesrec_tf.data.valid_rows import ValidRows

PLAIN = [pa.string(), pa.large_string(), pa.string_view()]
BINARY = [pa.binary(), pa.large_binary(), pa.binary_view()]
STORED = ["string", "large_string", "binary", "large_binary"]
NAMES = [str(kind) for kind in [*PLAIN, *BINARY]]


def texts(values: list[bytes | None], kind: str) -> pa.Array:
    """Bytes as a file may hold them under this type, whether they are text or not."""
    array = pa.array(values, pa.binary())
    if kind in ("string", "string_view"):
        array = array.view(pa.string())
    elif kind == "large_string":
        array = array.cast(pa.large_binary()).view(pa.large_string())
    return array.cast(dict(zip(NAMES, [*PLAIN, *BINARY], strict=True))[kind])


def table(values: pa.Array) -> pa.Table:
    return pa.table({"text": values, ROW: pa.array(range(5, 5 + len(values)), pa.int64())})


def lists(values: pa.Array, lengths: list[int]) -> pa.Array:
    return pa.ListArray.from_arrays(np.cumsum([0, *lengths]).astype(np.int32), values)


@pytest.mark.parametrize(
    ("kind", "encoded"), [*((kind, False) for kind in NAMES), *((kind, True) for kind in STORED)]
)
@settings(deadline=None, max_examples=40)
@given(
    values=st.lists(
        st.one_of(st.none(), st.text(max_size=3).map(str.encode), st.binary(max_size=3)),
        max_size=6,
    )
)
def test_bytes_are_text_or_rejected(kind: str, encoded: bool, values: list[bytes | None]) -> None:
    column = texts(values, kind)
    if encoded:
        column = column.dictionary_encode()
    rows, rejected = utf8_columns(table(column))
    good, bad = {}, {}
    for row, value in enumerate(values, 5):
        try:
            good[row] = None if value is None else value.decode()
        except UnicodeDecodeError:
            bad[row] = value.decode(errors="backslashreplace")
    assert dict(zip(rows[ROW].to_pylist(), rows["text"].to_pylist(), strict=True)) == good
    assert rows["text"].type == (pa.string() if kind == "string" else pa.large_string())
    assert rejected.schema == REJECTED
    contents = [json.loads(each)["text"] for each in rejected[CONTENT].to_pylist()]
    assert dict(zip(rejected[ROW].to_pylist(), contents, strict=True)) == bad
    assert set(rejected[REASON].to_pylist()) <= {"text is no UTF-8 text"}
    assert set(rejected[EXPECTED].to_pylist()) <= {"UTF-8"}


@pytest.mark.parametrize("kind", STORED)
@pytest.mark.parametrize("encoded", [False, True])
def test_lists_of_bytes_too(kind: str, encoded: bool) -> None:
    values = texts([b"a", b"\xff", b"b", None, b"c\xc3\xa9"], kind)
    column = lists(values.dictionary_encode() if encoded else values, [1, 2, 0, 2])
    rows, rejected = utf8_columns(table(column))
    assert rows["text"].to_pylist() == [["a"], [], [None, "cé"]]
    assert rows[ROW].to_pylist() == [5, 7, 8]
    assert rejected[ROW].to_pylist() == [6]
    assert json.loads(rejected[CONTENT][0].as_py()) == {"text": ["\\xff", "b"]}
    clean, none = utf8_columns(table(column).slice(2))
    assert clean["text"].to_pylist() == [[], [None, "cé"]]
    assert clean["text"].type == rows["text"].type
    assert len(none) == 0


def test_an_entry_of_a_dictionary_that_no_row_has_spoils_none() -> None:
    entries = texts([b"\xff", b"a"], "string")
    column = pa.DictionaryArray.from_arrays(pa.array([1, 1], pa.int8()), entries)
    rows, rejected = utf8_columns(table(column))
    assert rows["text"].to_pylist() == ["a", "a"]
    assert len(rejected) == 0


def test_bytes_of_one_size_are_text_and_other_types_stay() -> None:
    rows = pa.table(
        {
            "code": pa.array([b"ab", b"\xff\xfe"], pa.binary(2)),
            "time": pa.array([1, 2], pa.timestamp("us")),
            "more": [[1.5], []],
            ROW: [0, 1],
        }
    )
    found, rejected = utf8_columns(rows)
    assert found.drop_columns("code") == rows.drop_columns("code").slice(0, 1)
    assert found["code"].to_pylist() == ["ab"]
    assert json.loads(rejected[CONTENT][0].as_py())["code"] == "\\xff\\xfe"


def test_a_row_is_rejected_once_under_its_first_bad_column() -> None:
    rows = pa.table(
        {
            "a": texts([b"\xff", b"x", b"y", b"z"], "string"),
            "b": texts([b"\xff", b"\xff", b"y", b"z"], "binary"),
            "c": texts([b"x", b"y", b"z", b"\xff"], "large_string"),
            ROW: [0, 1, 2, 3],
        }
    )
    found, rejected = utf8_columns(rows)
    assert found[ROW].to_pylist() == [2]
    reasons = dict(zip(rejected[ROW].to_pylist(), rejected[REASON].to_pylist(), strict=True))
    assert reasons == {
        n: f"{column} is no UTF-8 text" for n, column in [(0, "a"), (1, "b"), (3, "c")]
    }
    assert list(reasons) == [0, 1, 3]
    assert json.loads(rejected[CONTENT][0].as_py()) == {"a": "\\xff", "b": "\\xff", "c": "x"}


@pytest.mark.parametrize("kind", NAMES)
@pytest.mark.parametrize("chunk_rows", [1, 2, 100])
@pytest.mark.parametrize("column", ["user_id", "query", "clicked_item_ids", "timestamp"])
def test_a_bad_row_of_a_parquet_file_costs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, chunk_rows: int, column: str
) -> None:
    monkeypatch.setattr(parquet_log_file, "CHUNK_ROWS", chunk_rows)
    values = {
        "user_id": [b"u", b"v", b"w"],
        "session_id": [b"1", b"2", b"3"],
        "query": [b"caf\xc3\xa9", b"b", b"c"],
        "source": [b"", None, b"s"],
        "clicked_item_ids": [b"i j", b"", b"k"],
        "timestamp": [b"2024-01-01", b"2024-01-02", b"2024-01-03"],
    }
    values[column][1] = b"caf\xe9"
    columns = {name: texts(each, kind) for name, each in values.items()}
    pyarrow.parquet.write_table(pa.table(columns), tmp_path / "searches.parquet")
    reader = LogFiles({"searches": find_files(tmp_path / "searches.parquet", "searches")})
    found = [ValidRows.of(each, "searches", "datetime") for each in reader.chunks("searches")]
    rows = pa.concat_tables([each.rows for each in found])
    assert rows[ROW].to_pylist() == [0, 2]
    assert rows["user_id"].to_pylist() == ["u", "w"]
    assert rows["clicked_item_ids"].to_pylist() == [["i", "j"], ["k"]]
    rejected = pa.concat_tables([each.counted.rejected for each in found])
    assert rejected[ROW].to_pylist() == [1]
    assert rejected[REASON].to_pylist() == [f"{column} is no UTF-8 text"]
    assert json.loads(rejected[CONTENT][0].as_py())[column] == "caf\\xe9"
    assert sum(each.counted.read for each in found) == 3
