"""Both passes of a preparation on a Beam runner."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

from pipelines.beam.arrow_bytes import from_bytes
from pipelines.beam.build_step import BUILT, BuildPartition, partition_name
from pipelines.beam.count_step import COUNTED, REJECTED, CountPartition, MergeCounts
from pipelines.beam.execution import execute_staged
from pipelines.beam.merged_rows import MergeRows, unpacked
from pipelines.beam.read_step import CHUNKS, ReadPart
from pipelines.beam.staging import Staging, go_on_writing
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.partition_files import PartitionFiles
from sesrec_tf.data.preparation_driver import (
    KNOWN_IDS,
    LogSummary,
    PreparationDriver,
    PreparationJob,
)
from sesrec_tf.data.progress_bar import Report
from sesrec_tf.data.rejected_rows import TableRows, require_few

_COUNTS = "counts.arrow"
_READ, _COUNTED = "read", "counted"
_FANOUT = 4


@dataclass(frozen=True)
class BeamDriver(PreparationDriver):
    """Pipelines that leave files to each other: read the logs, count, build.

    Attributes:
        options: of Beam, the runner among them.
        partitions: of the users, at most `BUCKETS`; a worker has one at a time in memory.
        staging: a path or URL that the workers and this process share; `None` for a directory
            beside the output. A directory in it is made, and removed in the end.
    """

    options: PipelineOptions
    partitions: int
    staging: str | None = None

    def count(self, job: PreparationJob, report: Report) -> LogSummary:
        """See `PreparationDriver`."""
        staging = self._staging(job)
        # An earlier job of this process may have been interrupted.
        go_on_writing()
        if self.staging is not None:
            staging.begin()
        self._run(
            staging,
            lambda pipeline: self._read(pipeline, job, staging),
            lambda: report(f"reading the logs: {_chunks(staging):,} chunks", 0.0),
        )
        rows = _table_rows(staging, _READ)
        for table, found in rows.items():
            require_few(job.reader, table, found, job.options.max_rejected)
        self._run(
            staging,
            lambda pipeline: self._count(pipeline, job, staging),
            lambda: report("counting", 0.4 + 0.2 * self._share(staging, *COUNTED)),
        )
        rejected = _table_rows(staging, _COUNTED)
        return LogSummary(
            counts=LogCounts.from_table(from_bytes(staging.read(_COUNTS))),
            rows={table: TableRows.summed([rows[table], rejected[table]]) for table in rows},
        )

    def build(
        self, job: PreparationJob, shards: Mapping[str, int], report: Report
    ) -> list[PartitionFiles]:
        """See `PreparationDriver`."""
        staging = self._staging(job)
        if self.staging is not None:
            staging.put(job.staging / KNOWN_IDS, KNOWN_IDS)
        step = BuildPartition(job.options, shards, staging)
        self._run(
            staging,
            lambda pipeline: (
                _spread(pipeline, range(self.partitions)) | "Build" >> beam.ParDo(step)
            ),
            lambda: report("writing records", 0.65 + 0.25 * self._share(staging, *BUILT)),
        )
        names = [partition_name(number) for number in range(self.partitions)]
        return [PartitionFiles(staging.get(job.staging.joinpath(*name), *name)) for name in names]

    def clear(self, job: PreparationJob) -> None:
        """See `PreparationDriver`."""
        if self.staging is not None:
            self._staging(job).clear()

    def _read(self, pipeline: beam.Pipeline, job: PreparationJob, staging: Staging) -> None:
        parts = [
            (table, part) for table in EVENT_SCHEMAS for part in range(job.reader.parts(table))
        ]
        step = ReadPart(job.reader, job.options, self.partitions, staging)
        rows = _spread(pipeline, parts) | "Read" >> beam.ParDo(step)
        _keep_rows(rows, staging, _READ)

    def _count(self, pipeline: beam.Pipeline, job: PreparationJob, staging: Staging) -> None:
        step = CountPartition(job.options, staging)
        counting = beam.ParDo(step).with_outputs(REJECTED, main="counts")
        counted = _spread(pipeline, range(self.partitions)) | "Count" >> counting
        _keep_rows(counted[REJECTED], staging, _COUNTED)
        _ = (
            counted["counts"]
            | "Combine"
            >> beam.CombineGlobally(MergeCounts()).without_defaults().with_fanout(_FANOUT)
            | "Keep" >> beam.Map(staging.write, _COUNTS)
        )

    def _staging(self, job: PreparationJob) -> Staging:
        return Staging.chosen(self.staging, job.staging)

    def _share(self, staging: Staging, *names: str) -> float:
        """Of the partitions, those with a file in a directory."""
        return len(staging.listing(*names)) / self.partitions

    def _run(
        self,
        staging: Staging,
        build: Callable[[beam.Pipeline], object],
        watch: Callable[[], None],
    ) -> None:
        pipeline = beam.Pipeline(options=self.options)
        build(pipeline)
        execute_staged(pipeline, staging, watch)


def _spread(pipeline: beam.Pipeline, elements: Iterable[object]) -> beam.PCollection:
    return pipeline | beam.Create(list(elements), reshuffle=False) | beam.Reshuffle()


def _keep_rows(rows: beam.PCollection, staging: Staging, name: str) -> None:
    _ = (
        rows
        | "RowsOfTable" >> beam.CombinePerKey(MergeRows())
        | "KeepRows" >> beam.MapTuple(lambda table, data: staging.write(data, name, table))
    )


def _chunks(staging: Staging) -> int:
    return sum(len(staging.listing(CHUNKS, table)) for table in EVENT_SCHEMAS)


def _table_rows(staging: Staging, name: str) -> dict[str, TableRows]:
    found = staging.listing(name)
    return {
        table: TableRows.summed([unpacked(staging.read(name, table))] if table in found else [])
        for table in EVENT_SCHEMAS
    }
