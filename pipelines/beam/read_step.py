"""The first pass on Beam: parts of the logs to rows by partition."""

from __future__ import annotations

from collections.abc import Iterator

import apache_beam as beam
import pyarrow as pa

from pipelines.beam.merged_rows import packed
from pipelines.beam.staging import Staging
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS, divided_rows
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.errors import InputError

CHUNKS = "chunks"
"""Directory with one of files for every table."""


class ReadPart(beam.DoFn):
    """(table, part) to (table, its rows read and rejected).

    The usable rows go into the staging directory, one file a chunk with one record batch for every
    partition. A shuffle would hold all rows in the memory of some runners.

    Args:
        reader: of the logs.
        options: the rules.
        partitions: how many there are.
        staging: for rows and errors.
    """

    def __init__(
        self, reader: LogReader, options: PrepareOptions, partitions: int, staging: Staging
    ) -> None:
        self._reader = reader
        self._options = options
        self._partitions = partitions
        self._staging = staging

    def process(self, element: tuple[str, int]) -> Iterator[tuple[str, bytes]]:
        table, part = element
        chunks = divided_rows(self._reader, table, [part], self._options)
        try:
            for number, (valid, buckets) in enumerate(chunks):
                batches = self._by_partition(table, buckets)
                self._staging.write_batches(
                    batches, CHUNKS, table, f"{part:06d}-{number:06d}.arrow"
                )
                yield table, packed(valid.counted)
        except InputError as error:
            self._staging.write_error(error, f"read-{table}-{part:06d}")

    def _by_partition(
        self, table: str, buckets: list[tuple[int, pa.Table]]
    ) -> list[pa.RecordBatch]:
        schema = EVENT_SCHEMAS[table]
        found: list[list[pa.RecordBatch]] = [[] for _ in range(self._partitions)]
        for bucket, rows in buckets:
            found[bucket * self._partitions // BUCKETS] += rows.to_batches()
        tables = (pa.Table.from_batches(batches, schema) for batches in found)
        return [_one_batch(rows) for rows in tables]


def partition_rows(staging: Staging, table: str, partition: int) -> pa.Table:
    """The rows of one partition, from the files of all chunks."""
    batches = [
        staging.read_batch(partition, CHUNKS, table, name)
        for name in staging.listing(CHUNKS, table)
    ]
    return pa.Table.from_batches(batches, EVENT_SCHEMAS[table])


def _one_batch(rows: pa.Table) -> pa.RecordBatch:
    batches = rows.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], rows.schema)
