from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data.log_chunk import CHUNK_ROWS
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.errors import InputError
from tests.data.log_rows import interactions, searches

INTERACTIONS = interactions(("u", "a", 1))
SEARCHES = searches(("u", "1", "q", "", "", 1))


def test_further_columns_are_welcome() -> None:
    LogTables(INTERACTIONS.assign(more=1), SEARCHES)


@pytest.mark.parametrize("column", SEARCHES.columns)
def test_a_missing_column_is_named(column: str) -> None:
    with pytest.raises(InputError, match=rf"searches: missing column {column}\. Expected the"):
        LogTables(INTERACTIONS, SEARCHES.drop(columns=column))


def test_a_column_twice_is_refused() -> None:
    twice = pd.concat([INTERACTIONS, INTERACTIONS[["item_id"]]], axis=1)
    with pytest.raises(InputError, match="interactions: column item_id stands twice"):
        LogTables(twice, SEARCHES)


def test_tables_without_rows_are_refused() -> None:
    with pytest.raises(InputError, match="searches: no rows"):
        LogTables(INTERACTIONS, SEARCHES[:0])
    with pytest.raises(InputError, match=r"items: no rows.*leave the table out"):
        LogTables(INTERACTIONS, SEARCHES, items=pd.DataFrame({"item_id": []}))


def test_absent_tables_have_no_parts() -> None:
    tables = LogTables(INTERACTIONS, SEARCHES, items=pd.DataFrame({"item_id": ["a"]}))
    parts = {name: tables.parts(name) for name in ("interactions", "searches", "items", "users")}
    assert parts == {"interactions": 1, "searches": 1, "items": 1, "users": 0}


def test_rows_are_numbered_by_their_place_in_the_frame() -> None:
    size = CHUNK_ROWS + 3
    feed = pd.DataFrame({"user_id": np.arange(size), "item_id": "a", "timestamp": 0})
    # Neither the index of the frame nor the order of its columns plays a part.
    tables = LogTables(feed.iloc[::-1, ::-1], SEARCHES)
    for _ in range(2):
        chunks = [chunk.rows for chunk in tables.chunks("interactions")]
        assert [len(rows) for rows in chunks] == [CHUNK_ROWS, 3]
        rows = pa.concat_tables(chunks)
        assert np.array_equal(rows["row"].to_numpy(), np.arange(size))
        assert np.array_equal(rows["user_id"].to_numpy(), np.arange(size)[::-1])


def test_lines_are_rows_from_1() -> None:
    files, lines = LogTables(INTERACTIONS, SEARCHES).lines("searches", np.array([0, 7]))
    assert files == ["searches", "searches"]
    assert lines.tolist() == [1, 8]


def test_a_column_of_several_types_is_refused() -> None:
    tables = LogTables(pd.concat([INTERACTIONS, INTERACTIONS.assign(item_id=1)]), SEARCHES)
    with pytest.raises(InputError, match=r"interactions: column item_id mixes types.*as text"):
        list(tables.chunks("interactions"))
