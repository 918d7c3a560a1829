"""The log tables: what every source of data yields and what preparation reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.errors import InputError

USER_ID = "user_id"
ITEM_ID = "item_id"
TIMESTAMP = "timestamp"
SESSION_ID = "session_id"
QUERY = "query"
SOURCE = "source"
CLICKED_ITEM_IDS = "clicked_item_ids"
SPLIT = "split"
NEGATIVE_ITEM_IDS = "negative_item_ids"

REQUIRED_COLUMNS = {
    "interactions": (USER_ID, ITEM_ID, TIMESTAMP),
    "searches": (USER_ID, SESSION_ID, QUERY, SOURCE, CLICKED_ITEM_IDS, TIMESTAMP),
    "items": (ITEM_ID,),
    "users": (USER_ID,),
}
"""Columns every table must have. Further columns of `items` and `users` are attributes."""

OPTIONAL_COLUMNS = {"interactions": (SPLIT, NEGATIVE_ITEM_IDS)}
"""Columns that are read where they stand: the split of every instance ("" for none) and the frozen
negatives of those of valid and test, for the rules `given`."""


@dataclass(frozen=True)
class LogTables(LogReader):
    """Joint search and recommendation logs of one platform, rows in any order.

    Ids are strings read verbatim, or integers, which stand for their decimal digits; they hold no
    whitespace and are never empty.

    Attributes:
        interactions: `user_id, item_id, timestamp`, the positives of the recommendation feed.
        searches: `user_id, session_id, query, source, clicked_item_ids, timestamp`, one row a
            session; `query` is words separated by spaces, `clicked_item_ids` ids separated by
            spaces (or a list), empty for no click; an empty `source` is an unknown one.
        items: `item_id` and categorical attributes, or `None`. The column `category`, and any
            other whose values hold ` > `, is a path and gives one attribute per level.
        users: `user_id` and categorical attributes, or `None`.

    Raises:
        InputError: if a table has no rows, lacks a column, or has a column twice.
    """

    interactions: pd.DataFrame
    searches: pd.DataFrame
    items: pd.DataFrame | None = None
    users: pd.DataFrame | None = None

    def __post_init__(self) -> None:
        for name in REQUIRED_COLUMNS:
            frame = getattr(self, name)
            if frame is not None:
                require_columns(name, [str(column) for column in frame.columns])
                require_rows(name, len(frame))

    def parts(self, table: str) -> int:
        """See `LogReader`."""
        return int(getattr(self, table) is not None)

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`; rows are numbered by their place in the frame."""
        frame = getattr(self, table)
        for start in range(0, len(frame), CHUNK_ROWS):
            rows = frame.iloc[start : start + CHUNK_ROWS]
            columns = {str(name): _arrow_column(rows[name], table) for name in frame.columns}
            columns[ROW] = pa.array(np.arange(start, start + len(rows)))
            yield LogChunk(pa.table(columns))

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`; a frame's "lines" are its rows, from 1."""
        return [table] * len(rows), rows + 1


def require_columns(table: str, columns: list[str]) -> None:
    """Checks the header of one table.

    Raises:
        InputError: if a required column is absent, or a name stands twice or is taken.
    """
    missing = [column for column in REQUIRED_COLUMNS[table] if column not in columns]
    if missing:
        raise InputError(
            f"{table}: missing column {', '.join(missing)}. Expected the columns "
            f"{', '.join(REQUIRED_COLUMNS[table])}. Received: {', '.join(columns) or 'none'}. "
            "Name the columns in the first line."
        )
    twice = sorted({column for column in columns if columns.count(column) > 1})
    if twice:
        raise InputError(f"{table}: column {', '.join(twice)} stands twice. Rename one of them.")
    if table in ("items", "users") and ROW in columns:
        raise InputError(
            f"{table}: there is a column {ROW}. Expected another name, for this one means the "
            "number of a row. Rename the column."
        )


def require_rows(table: str, rows: int) -> None:
    """Checks that one table is not empty.

    Raises:
        InputError: if it has no rows.
    """
    if rows == 0:
        optional = " or leave the table out" if table in ("items", "users") else ""
        raise InputError(
            f"{table}: no rows. Expected at least one below the column names. Give a file with "
            f"rows{optional}."
        )


def _arrow_column(values: pd.Series, table: str) -> pa.Array:
    try:
        column = pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"{table}: column {values.name} mixes types ({error}). Expected values of one type. "
            "Write them all as text."
        ) from error
    return column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
