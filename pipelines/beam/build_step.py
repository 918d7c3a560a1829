"""The second pass on Beam: partitions to tables and records."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack

import apache_beam as beam

from pipelines.beam.read_step import partition_rows
from pipelines.beam.staging import Staging
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.partition import Partition
from sesrec_tf.data.partition_files import PartitionFiles
from sesrec_tf.data.preparation_driver import KNOWN_IDS
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.errors import InputError

BUILT = ("done", "build")
"""Directory of a file for every partition that is built."""


class BuildPartition(beam.DoFn):
    """Numbers of partitions to their `PartitionFiles` in the staging directory.

    Args:
        options: the rules.
        shards: files of each split.
        staging: with rows and known ids.
    """

    def __init__(
        self, options: PrepareOptions, shards: Mapping[str, int], staging: Staging
    ) -> None:
        self._options = options
        self._shards = dict(shards)
        self._staging = staging

    def setup(self) -> None:
        """Once for each worker."""
        self._stack = ExitStack()
        scratch = self._stack.enter_context(self._staging.scratch())
        self._known = KnownIds.open(self._staging.get(scratch / KNOWN_IDS, KNOWN_IDS))

    def process(self, number: int) -> None:
        feed, searches = (
            partition_rows(self._staging, table, number) for table in ("interactions", "searches")
        )
        try:
            partition = Partition.of(feed, searches, self._options)
            with self._staging.scratch() as scratch:
                files = PartitionFiles.write(
                    scratch / "files", partition, self._known, self._options, self._shards
                )
                self._staging.put(files.path, *partition_name(number))
        except InputError as error:
            self._staging.write_error(error, f"build-{number:05d}")
            return
        self._staging.write(b"", *BUILT, f"{number:05d}")

    def teardown(self) -> None:
        """Removes the copy of the known ids."""
        self._stack.close()


def partition_name(number: int) -> tuple[str, str]:
    """Where the files of a partition are in the staging directory."""
    return "partitions", f"{number:05d}"
