"""Small logs on their way through preparation, as every log goes."""

from __future__ import annotations

import pyarrow as pa

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.data.splits import SplitAssignment
from sesrec_tf.data.user_buckets import user_hashes
from sesrec_tf.data.valid_rows import ValidRows
from sesrec_tf.data.vocabularies import Vocabularies


def event_log(reader: LogReader, time_unit: str = "s") -> EventLog:
    """The events of all users; a row that cannot be used fails the test."""
    return EventLog.of(*(_valid_rows(reader, table, time_unit) for table in EVENT_SCHEMAS))


def vocabularies(log: EventLog, splits: SplitAssignment, options: PrepareOptions) -> Vocabularies:
    """What the training rows of one log make known."""
    counts = LogCounts.merged([LogCounts.of(log, splits, options.max_clicks)])
    return Vocabularies.of(counts, options)


def indexed_log(log: EventLog, splits: SplitAssignment, options: PrepareOptions) -> IndexedLog:
    """One log in the index space of its own vocabularies."""
    return IndexedLog.of(log, vocabularies(log, splits, options).known_ids())


def users_in_order(users: set[str]) -> list[str]:
    """Ids as preparation orders them: by (hash, id)."""
    names = sorted(users)
    hashes = user_hashes(pa.array(names, pa.large_string())).tolist()
    return [name for _, name in sorted(zip(hashes, names, strict=True))]


def refused(checks: RowChecks) -> list[tuple[int, str, str]]:
    """Row number, reason and content of every rejected row, in the order of the rows."""
    rows = checks.rejected().sort_by(ROW).to_pylist()
    return [(row["row"], row["reason"], row["content"]) for row in rows]


def _valid_rows(reader: LogReader, table: str, time_unit: str) -> pa.Table:
    found = [
        ValidRows.of(chunk, table, time_unit)
        for part in range(reader.parts(table))
        for chunk in reader.chunks(table, part)
    ]
    rejected = [row for valid in found for row in valid.counted.rejected.to_pylist()]
    assert not rejected, rejected
    return pa.concat_tables([valid.rows for valid in found]).cast(EVENT_SCHEMAS[table])
