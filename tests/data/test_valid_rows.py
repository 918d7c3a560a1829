from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.event_scatter import EVENT_SCHEMAS
from sesrec_tf.data.log_chunk import REJECTED, LogChunk, rejection
from sesrec_tf.data.valid_rows import ValidRows
from sesrec_tf.errors import InputError

FEED = {"user_id": ["u"], "item_id": ["a"], "timestamp": [1]}
SEARCH = {
    "user_id": ["u"],
    "session_id": ["1"],
    "query": ["red shoe"],
    "source": [""],
    "clicked_item_ids": ["b a"],
    "timestamp": [2],
}


def chunk(columns: dict[str, list[object]], first_row: int = 0) -> LogChunk:
    size = len(next(iter(columns.values())))
    return LogChunk(pa.table({**columns, "row": np.arange(first_row, first_row + size)}))


def valid(table: str, columns: dict[str, list[object]], time_unit: str = "s") -> ValidRows:
    return ValidRows.of(chunk(columns), table, time_unit)


def reasons(found: ValidRows) -> list[str]:
    return found.rejected["reason"].to_pylist()


def test_tables_have_one_form_whatever_their_types() -> None:
    numbers = {"user_id": [7], "item_id": [8], "timestamp": [9]}
    texts = {"user_id": ["7"], "item_id": ["8"], "timestamp": ["9"]}
    first, second = valid("interactions", numbers).rows, valid("interactions", texts).rows
    assert first.equals(second)
    assert first.schema == EVENT_SCHEMAS["interactions"]
    lists = {**SEARCH, "clicked_item_ids": [["b", "a"]]}
    assert valid("searches", lists).rows.equals(valid("searches", SEARCH).rows)
    assert valid("searches", SEARCH).rows.schema == EVENT_SCHEMAS["searches"]
    assert valid("searches", SEARCH).rows["clicked_item_ids"].to_pylist() == [["b", "a"]]


def test_rows_keep_their_numbers() -> None:
    columns = {"user_id": ["u", "", "v"], "item_id": ["a", "b", "c"], "timestamp": [1, 2, 3]}
    found = ValidRows.of(chunk(columns, first_row=40), "interactions", "s")
    assert found.rows["row"].to_pylist() == [40, 42]
    assert found.rejected["row"].to_pylist() == [41]
    assert found.rejected.schema == REJECTED


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("interactions", "user_id", "", "user_id is empty"),
        ("interactions", "item_id", "a b", "item_id holds whitespace"),
        ("interactions", "item_id", "a\nb", "item_id holds a line break"),
        ("interactions", "timestamp", "1.5", "timestamp is not an integer"),
        ("interactions", "timestamp", None, "timestamp is missing"),
        ("searches", "session_id", None, "session_id is empty"),
        ("searches", "query", "  ", "query has no words"),
        ("searches", "source", "a\rb", "source holds a line break"),
        (
            "searches",
            "clicked_item_ids",
            "a\tb",
            "clicked_item_ids holds whitespace other than spaces",
        ),
        ("searches", "timestamp", str(2**63), "timestamp leaves the range of 64-bit integers"),
    ],
)
def test_rules(table: str, column: str, value: object, reason: str) -> None:
    columns = FEED if table == "interactions" else SEARCH
    good = {name: str(values[0]) for name, values in columns.items()}
    two = {name: [text, text] for name, text in good.items()}
    two[column] = [value, good[column]]
    found = valid(table, two)
    assert reasons(found) == [reason]
    assert found.rows["row"].to_pylist() == [1]


def test_a_row_with_many_faults_is_rejected_once() -> None:
    found = valid("interactions", {"user_id": [""], "item_id": [""], "timestamp": ["x"]})
    assert reasons(found) == ["user_id is empty"]


def test_rows_that_no_reader_could_make_sense_of_stay_rejected() -> None:
    before = rejection(np.array([5]), "line is odd", "a row", ["?"])
    rows = chunk({**FEED, "user_id": [""]}).rows
    found = ValidRows.of(LogChunk(rows, before), "interactions", "s")
    assert [(row["row"], row["reason"]) for row in found.rejected.to_pylist()] == [
        (5, "line is odd"),
        (0, "user_id is empty"),
    ]


def test_given_splits_and_negatives() -> None:
    names = ["", "train", "valid", "test", None, "dev"]
    columns = {name: values * 6 for name, values in FEED.items()}
    found = valid(
        "interactions",
        {**columns, "split": names, "negative_item_ids": ["", "", "b c", "d", "", ""]},
    )
    assert found.rows["split"].to_pylist() == [-1, 0, 1, 2, -1]
    assert found.rows["negative_item_ids"].to_pylist() == [[], [], ["b", "c"], ["d"], []]
    assert reasons(found) == ["split is no split"]
    assert found.rejected["expected"].to_pylist() == [
        "one of train, valid, test, or nothing for no instance"
    ]


def test_without_such_columns_they_are_null() -> None:
    rows = valid("interactions", FEED).rows
    assert rows["split"].null_count == rows["negative_item_ids"].null_count == 1


def test_attributes_are_text() -> None:
    found = valid("items", {"item_id": [1, 2, 3], "brand": [7, None, 8], "note": ["", "b\n", "c"]})
    assert found.rows.to_pydict() == {
        "row": [0, 2],
        "item_id": ["1", "3"],
        "brand": ["7", "8"],
        "note": ["", "c"],
    }
    assert reasons(found) == ["note holds a line break"]


def test_types_that_cannot_hold_such_values() -> None:
    with pytest.raises(InputError, match=r"interactions: column user_id is of type double"):
        valid("interactions", {**FEED, "user_id": [1.5]})
    with pytest.raises(InputError, match=r"column timestamp is of type double"):
        valid("interactions", {**FEED, "timestamp": [1.5]})


def test_a_chunk_may_be_empty() -> None:
    for table, columns in (
        ("interactions", FEED),
        ("searches", SEARCH),
        ("users", {"user_id": []}),
    ):
        empty = {name: pa.array([], pa.string()) for name in columns}
        rows = pa.table({**empty, "row": pa.array([], pa.int64())})
        found = ValidRows.of(LogChunk(rows), table, "s")
        assert len(found.rows) == len(found.rejected) == 0


TEXT = st.one_of(
    st.sampled_from(["u", "7", "", " ", "a b", "x\ty", "\u3000", "-3", "+4"]), st.text()
)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(TEXT, TEXT, TEXT, TEXT, TEXT), max_size=8))
def test_every_row_is_used_or_rejected(rows: list[tuple[str, ...]]) -> None:
    names = ("user_id", "session_id", "query", "clicked_item_ids", "timestamp")
    columns = {
        name: pa.array([row[n] for row in rows], pa.string()) for n, name in enumerate(names)
    }
    columns["source"] = pa.array([""] * len(rows), pa.string())
    table = pa.table({**columns, "row": pa.array(range(len(rows)), pa.int64())})
    found = ValidRows.of(LogChunk(table), "searches", "s")
    numbers = found.rows["row"].to_pylist() + found.rejected["row"].to_pylist()
    assert sorted(numbers) == list(range(len(rows)))
    for row in found.rows.to_pylist():
        user, session, query, clicks, time = rows[row["row"]]
        # What is used is verbatim.
        assert (row["user_id"], row["session_id"], row["query"]) == (user, session, query)
        assert row["clicked_item_ids"] == [item for item in clicks.split(" ") if item]
        assert row["timestamp"] == int(time)
        assert not {character for character in user + session if character.isspace()}
        assert query.replace(" ", "")
