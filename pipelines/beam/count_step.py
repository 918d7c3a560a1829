"""The first pass on Beam, continued: partitions to the counted combine."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput

from pipelines.beam.arrow_bytes import from_bytes, to_bytes
from pipelines.beam.merged_rows import packed
from pipelines.beam.read_step import partition_rows
from pipelines.beam.staging import Staging
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.partition import Partition
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.errors import InputError

REJECTED = "rejected"
COUNTED = ("done", "count")
"""Directory of a file for every partition that is counted."""


class CountPartition(beam.DoFn):
    """Numbers of partitions to `LogCounts`; under `REJECTED`, (table, its rejected rows).

    Args:
        options: the rules.
        staging: with rows, for errors.
    """

    def __init__(self, options: PrepareOptions, staging: Staging) -> None:
        self._options = options
        self._staging = staging

    def process(self, number: int) -> Iterator[object]:
        feed, searches = (
            partition_rows(self._staging, table, number) for table in ("interactions", "searches")
        )
        try:
            partition = Partition.of(feed, searches, self._options)
        except InputError as error:
            self._staging.write_error(error, f"count-{number:05d}")
            return
        for name, rejected in partition.rejected.items():
            # Counted as read when they were.
            yield TaggedOutput(REJECTED, (name, packed(TableRows(0, rejected))))
        yield to_bytes(partition.counts(self._options).to_table())
        self._staging.write(b"", *COUNTED, f"{number:05d}")


class MergeCounts(beam.CombineFn):
    """The counted combine: `LogCounts` are added up."""

    _MOST = 8

    def create_accumulator(self) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes) -> list[bytes]:
        together = [*accumulator, element]
        return [_merged(together)] if len(together) > self._MOST else together

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        return [_merged([each for found in accumulators for each in found])]

    def extract_output(self, accumulator: list[bytes]) -> bytes:
        return _merged(accumulator)


def _merged(found: Iterable[bytes]) -> bytes:
    counts = (LogCounts.from_table(from_bytes(data)) for data in found)
    return to_bytes(LogCounts.merged(counts).to_table())
