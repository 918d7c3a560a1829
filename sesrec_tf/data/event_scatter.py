"""Checked rows of the event tables, divided by the bucket of their user, in files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.ipc

from sesrec_tf.data import log_tables, valid_rows
from sesrec_tf.data.arrow_files import PACKED
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.rejected_rows import TableRows, require_few
from sesrec_tf.data.user_buckets import BUCKETS, bucket_runs, row_buckets
from sesrec_tf.data.valid_rows import ValidRows

EVENT_SCHEMAS = {"interactions": valid_rows.INTERACTIONS, "searches": valid_rows.SEARCHES}


@dataclass(frozen=True)
class ScatteredRows:
    """Some parts of an event table, divided.

    Attributes:
        rows: of the files.
        buckets: `[BUCKETS]` usable rows of each.
    """

    rows: TableRows
    buckets: npt.NDArray[np.int64]


def divided_rows(
    reader: LogReader, table: str, parts: Iterable[int], options: PrepareOptions
) -> Iterator[tuple[ValidRows, list[tuple[int, pa.Table]]]]:
    """Reads and checks chunk by chunk.

    Yields:
        What the chunk gives, and its usable rows by bucket.

    Raises:
        InputError: if a part cannot be read, or so many rows are rejected that the rest of the
            table need not be seen.
    """
    found = TableRows(0)
    for part in parts:
        for chunk in reader.chunks(table, part):
            valid = ValidRows.of(chunk, table, options.time_unit)
            found = TableRows.summed([found, valid.counted])
            if len(valid.rejected):
                require_few(reader, table, found, options.max_rejected, complete=False)
            yield valid, _by_bucket(valid.rows.cast(EVENT_SCHEMAS[table]))


def scatter(
    reader: LogReader,
    table: str,
    parts: Sequence[int],
    options: PrepareOptions,
    directory: Path,
    count_rows: Callable[[int], None],
) -> ScatteredRows:
    """Writes a file for every bucket that occurs.

    Args:
        reader, table, parts, options: see `divided_rows`.
        directory: to make.
        count_rows: told of the rows of every chunk.
    """
    directory.mkdir(parents=True)
    counted, sizes = [], np.zeros(BUCKETS, np.int64)
    with ExitStack() as stack:
        writers: dict[int, pyarrow.ipc.RecordBatchStreamWriter] = {}
        for valid, buckets in divided_rows(reader, table, parts, options):
            for bucket, rows in buckets:
                if bucket not in writers:
                    path = bucket_file(directory, bucket)
                    writers[bucket] = stack.enter_context(
                        pyarrow.ipc.new_stream(path, EVENT_SCHEMAS[table], options=PACKED)
                    )
                writers[bucket].write_table(rows)
                sizes[bucket] += len(rows)
            counted.append(valid.counted)
            count_rows(valid.counted.read)
    return ScatteredRows(TableRows.summed(counted), sizes)


def gather(directories: Sequence[Path], table: str, buckets: Iterable[int]) -> pa.Table:
    """The rows of some buckets, from all directories that `scatter` made of one table."""
    found = [EVENT_SCHEMAS[table].empty_table()]
    for bucket in buckets:
        for directory in directories:
            path = bucket_file(directory, bucket)
            if path.exists():
                with pa.memory_map(str(path)) as file:
                    found.append(pyarrow.ipc.open_stream(file).read_all())
    return pa.concat_tables(found)


def bucket_file(directory: Path, bucket: int) -> Path:
    """Where the rows of one bucket are."""
    return directory / f"bucket-{bucket:03d}.arrow"


def _by_bucket(rows: pa.Table) -> list[tuple[int, pa.Table]]:
    bucket = row_buckets(rows[log_tables.USER_ID].combine_chunks())
    order = np.argsort(bucket, kind="stable")
    ordered, bucket = rows.take(pa.array(order)).combine_chunks(), bucket[order]
    return [
        (number, ordered.slice(start, end - start)) for number, start, end in bucket_runs(bucket)
    ]
