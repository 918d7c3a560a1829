"""Chunks of the log tables, checked and in one form whatever file they come from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data import log_columns, log_tables
from sesrec_tf.data.log_chunk import ROW, LogChunk
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.schema import SPLITS

_TEXTS = pa.large_list(pa.large_string())

INTERACTIONS = pa.schema(
    [
        (ROW, pa.int64()),
        (log_tables.USER_ID, pa.large_string()),
        (log_tables.ITEM_ID, pa.large_string()),
        (log_tables.TIMESTAMP, pa.int64()),
        (log_tables.SPLIT, pa.int8()),
        (log_tables.NEGATIVE_ITEM_IDS, _TEXTS),
    ]
)
"""Checked interactions: times in ticks; `split` an index into `SPLITS`, -1 for none; the last two
null where the log has no such column."""

SEARCHES = pa.schema(
    [
        (ROW, pa.int64()),
        (log_tables.USER_ID, pa.large_string()),
        (log_tables.SESSION_ID, pa.large_string()),
        (log_tables.QUERY, pa.large_string()),
        (log_tables.SOURCE, pa.large_string()),
        (log_tables.CLICKED_ITEM_IDS, _TEXTS),
        (log_tables.TIMESTAMP, pa.int64()),
    ]
)
"""Checked searches: times in ticks."""


@dataclass(frozen=True)
class ValidRows:
    """What one chunk gives.

    Attributes:
        rows: the rows that can be used, as `INTERACTIONS` or `SEARCHES` say, or the id and the
            attributes of an `items` or `users` table as text.
        counted: all rows of the file; the rejected ones are those that the chunk came with and
            those that break a rule.
    """

    rows: pa.Table
    counted: TableRows

    @property
    def rejected(self) -> pa.Table:
        """Those that cannot be used, as `REJECTED` says."""
        return self.counted.rejected

    @classmethod
    def of(cls, chunk: LogChunk, table: str, time_unit: str) -> ValidRows:
        """Checks a chunk.

        Args:
            chunk: of the table.
            table: its name.
            time_unit: of `timestamp`.

        Raises:
            InputError: if a column is of a type that cannot hold such values.
        """
        checks = RowChecks(chunk.rows, table)
        columns = _COLUMNS.get(table, _attribute_columns)(checks, time_unit)
        columns = {ROW: chunk.rows[ROW], **columns}
        rows = pa.table(columns).filter(pa.array(checks.usable))
        rejected = pa.concat_tables([chunk.rejected, checks.rejected()])
        read = len(rows) + len(rejected) + sum(chunk.left_out.values())
        return cls(rows, TableRows(read, rejected, chunk.left_out))


def _interaction_columns(checks: RowChecks, time_unit: str) -> dict[str, pa.Array]:
    return {
        log_tables.USER_ID: log_columns.identifier_column(checks, log_tables.USER_ID),
        log_tables.ITEM_ID: log_columns.identifier_column(checks, log_tables.ITEM_ID),
        log_tables.TIMESTAMP: pa.array(
            log_columns.time_column(checks, log_tables.TIMESTAMP, time_unit)
        ),
        log_tables.SPLIT: _given_splits(checks),
        log_tables.NEGATIVE_ITEM_IDS: _given_negatives(checks),
    }


def _search_columns(checks: RowChecks, time_unit: str) -> dict[str, pa.Array]:
    return {
        **{
            name: log_columns.identifier_column(checks, name)
            for name in (log_tables.USER_ID, log_tables.SESSION_ID)
        },
        log_tables.QUERY: log_columns.query_column(checks, log_tables.QUERY),
        log_tables.SOURCE: log_columns.text_column(checks, log_tables.SOURCE),
        log_tables.CLICKED_ITEM_IDS: log_columns.identifier_list_column(
            checks, log_tables.CLICKED_ITEM_IDS
        ),
        log_tables.TIMESTAMP: pa.array(
            log_columns.time_column(checks, log_tables.TIMESTAMP, time_unit)
        ),
    }


def _attribute_columns(checks: RowChecks, time_unit: str) -> dict[str, pa.Array]:
    del time_unit  # No attribute is a time.
    (key,) = log_tables.REQUIRED_COLUMNS[checks.table]
    names = [name for name in checks.rows.column_names if name not in (ROW, key)]
    return {
        key: log_columns.identifier_column(checks, key),
        **{name: log_columns.text_column(checks, name) for name in names},
    }


def _given_splits(checks: RowChecks) -> pa.Array:
    if log_tables.SPLIT not in checks.rows.column_names:
        return pa.nulls(len(checks.rows), pa.int8())
    names = log_columns.text_column(checks, log_tables.SPLIT)
    code = pc.index_in(names, pa.array(["", *SPLITS], pa.large_string()))
    expected = f"one of {', '.join(SPLITS)}, or nothing for no instance"
    checks.refuse(pc.is_null(code), log_tables.SPLIT, "is no split", expected)
    return pc.subtract(pc.fill_null(code, 0).cast(pa.int8()), pa.scalar(1, pa.int8()))


def _given_negatives(checks: RowChecks) -> pa.Array:
    if log_tables.NEGATIVE_ITEM_IDS not in checks.rows.column_names:
        return pa.nulls(len(checks.rows), _TEXTS)
    return log_columns.identifier_list_column(checks, log_tables.NEGATIVE_ITEM_IDS)


_COLUMNS: dict[str, Callable[[RowChecks, str], dict[str, pa.Array]]] = {
    "interactions": _interaction_columns,
    "searches": _search_columns,
}
