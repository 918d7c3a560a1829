"""Both passes of a preparation on one machine."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.data.arrow_files import read_table, write_table
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS, ScatteredRows, bucket_file, gather, scatter
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.partition import Partition
from sesrec_tf.data.partition_files import PartitionFiles
from sesrec_tf.data.preparation_driver import (
    KNOWN_IDS,
    LogSummary,
    PreparationDriver,
    PreparationJob,
)
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.progress_bar import Report
from sesrec_tf.data.rejected_rows import TableRows, require_few
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.data.worker_processes import WorkerProcesses, count_rows
from sesrec_tf.errors import InputError

MEMORY = 2 << 30
"""Bytes, the default of `LocalDriver.memory`."""

_BYTES_PER_ROW = 1_000
_LEAST_MEMORY = 64 << 20
_PARTITIONS_FILE = "partitions.json"


@dataclass(frozen=True)
class LocalDriver(PreparationDriver):
    """Works on a few users at a time, in processes.

    Attributes:
        processes: at most that many, fewer where the largest bucket would not fit in memory once
            for each; 1 is this one.
        memory: bytes for the events at work in all processes together, 64 MB at least. Libraries
            and vocabularies come on top.
    """

    processes: int = 1
    memory: int = MEMORY

    def count(self, job: PreparationJob, report: Report) -> LogSummary:
        """See `PreparationDriver`."""
        with WorkerProcesses.started(self.processes) as workers:
            rows, sizes = self._scattered(job, workers, report)
        for table, total in rows.items():
            require_few(job.reader, table, total, job.options.max_rejected)
        processes = self._fitting(sizes)
        ranges = self._ranges(sizes, processes)
        (job.staging / _PARTITIONS_FILE).write_text(json.dumps([processes, ranges]), "utf-8")
        with WorkerProcesses.started(processes) as workers:
            rejected = workers.run(
                _count,
                [(job.staging, buckets, job.options) for buckets in ranges],
                lambda done, _: report("counting", 0.4 + 0.2 * done / len(ranges)),
            )
        rows = {
            table: TableRows.summed([total, *(TableRows(0, found[table]) for found in rejected)])
            for table, total in rows.items()
        }
        counts = (read_table(_counts_file(job.staging, buckets)) for buckets in ranges)
        return LogSummary(LogCounts.merged(map(LogCounts.from_table, counts)), rows)

    def build(
        self, job: PreparationJob, shards: Mapping[str, int], report: Report
    ) -> list[PartitionFiles]:
        """See `PreparationDriver`."""
        processes, ranges = json.loads((job.staging / _PARTITIONS_FILE).read_text("utf-8"))
        with WorkerProcesses.started(processes) as workers:
            return workers.run(
                _build,
                [(job.staging, buckets, job.options, dict(shards)) for buckets in ranges],
                lambda done, _: report("writing records", 0.65 + 0.25 * done / len(ranges)),
            )

    def _scattered(
        self, job: PreparationJob, workers: WorkerProcesses, report: Report
    ) -> tuple[dict[str, TableRows], npt.NDArray[np.int64]]:
        """Rows of each table, and `[BUCKETS]` usable ones of both."""
        tasks = [
            (job.reader, table, parts, job.options, _events(job.staging, table) / str(number))
            for table in EVENT_SCHEMAS
            for number, parts in enumerate(_shares(job.reader.parts(table), self.processes))
        ]
        found = workers.run(
            _scatter, tasks, lambda _, rows: report(f"reading the logs: {rows:,} rows", 0.0)
        )
        parts = [(task[1], each.rows) for task, each in zip(tasks, found, strict=True)]
        rows = {
            table: TableRows.summed(each for name, each in parts if name == table)
            for table in EVENT_SCHEMAS
        }
        return rows, np.sum([each.buckets for each in found], axis=0)

    def _fitting(self, sizes: npt.NDArray[np.int64]) -> int:
        """How many processes may work on a bucket each, the largest one included.

        Raises:
            InputError: if not even one may.
        """
        needed = _BYTES_PER_ROW * int(sizes.max(initial=1))
        available = max(self.memory, _LEAST_MEMORY)
        if needed > available:
            raise InputError(
                f"the largest of {BUCKETS} groups of users has {sizes.max():,} rows, which take up "
                f"to {needed >> 20:,} MB to work on. Received: `--memory` of {available >> 20:,} "
                f"MB. Choose `--memory {-(-needed >> 20)}M` or more."
            )
        return min(self.processes, available // needed)

    def _ranges(self, sizes: npt.NDArray[np.int64], processes: int) -> list[tuple[int, int]]:
        """First bucket and end of every partition: as many buckets as fit, at least one."""
        limit = self.memory // processes // _BYTES_PER_ROW
        # No process should be without work while there is some.
        limit = min(limit, -(-int(sizes.sum()) // processes))
        starts, rows = [0], 0
        for bucket, size in enumerate(sizes.tolist()):
            if rows and size and rows + size > limit:
                starts.append(bucket)
                rows = 0
            rows += size
        return list(zip(starts, [*starts[1:], BUCKETS], strict=True))


def _scatter(
    reader: LogReader, table: str, parts: Sequence[int], options: PrepareOptions, directory: Path
) -> ScatteredRows:
    return scatter(reader, table, parts, options, directory, count_rows)


def _count(staging: Path, buckets: tuple[int, int], options: PrepareOptions) -> dict[str, pa.Table]:
    count_rows(0)
    partition = _partition(staging, buckets, options)
    write_table(partition.counts(options).to_table(), _counts_file(staging, buckets))
    return partition.rejected


def _build(
    staging: Path, buckets: tuple[int, int], options: PrepareOptions, shards: dict[str, int]
) -> PartitionFiles:
    count_rows(0)
    known = KnownIds.open(staging / KNOWN_IDS)
    partition = _partition(staging, buckets, options)
    path = staging / "partitions" / f"{buckets[0]:03d}"
    # The rows are in memory now, and files of the same content come.
    for table in EVENT_SCHEMAS:
        for directory in _events(staging, table).iterdir():
            for bucket in range(*buckets):
                bucket_file(directory, bucket).unlink(missing_ok=True)
    return PartitionFiles.write(path, partition, known, options, shards)


def _partition(staging: Path, buckets: tuple[int, int], options: PrepareOptions) -> Partition:
    feed, searches = (
        gather(list(_events(staging, table).iterdir()), table, range(*buckets))
        for table in EVENT_SCHEMAS
    )
    return Partition.of(feed, searches, options)


def _events(staging: Path, table: str) -> Path:
    return staging / "events" / table


def _counts_file(staging: Path, buckets: tuple[int, int]) -> Path:
    return staging / f"counts-{buckets[0]:03d}.arrow"


def _shares(parts: int, most: int) -> list[list[int]]:
    """The parts of a table for each of the processes that read it."""
    readers = min(parts, most)
    return [list(range(first, parts, readers)) for first in range(readers)]
