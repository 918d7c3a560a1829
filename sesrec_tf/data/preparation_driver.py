"""Where the two passes of a preparation run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.partition_files import PartitionFiles
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.progress_bar import Report
from sesrec_tf.data.rejected_rows import TableRows

KNOWN_IDS = "known_ids"
"""Directory of the `KnownIds` in the staging directory, there before the second pass."""


@dataclass(frozen=True)
class PreparationJob:
    """One preparation.

    Attributes:
        reader: of the logs.
        options: the rules.
        staging: a directory for what the passes leave to each other.
    """

    reader: LogReader
    options: PrepareOptions
    staging: Path


@dataclass(frozen=True)
class LogSummary:
    """What the first pass found.

    Attributes:
        counts: of all events, merged.
        rows: of `interactions` and `searches`.
    """

    counts: LogCounts
    rows: Mapping[str, TableRows]


class PreparationDriver(ABC):
    """Divides the users into partitions of consecutive buckets and works on each.

    Whatever the driver and the division, the prepared data set is the same.
    """

    @abstractmethod
    def count(self, job: PreparationJob, report: Report) -> LogSummary:
        """The first pass: reads and checks both logs, divides their rows and counts.

        Raises:
            InputError: if the logs cannot be read.
        """

    @abstractmethod
    def build(
        self, job: PreparationJob, shards: Mapping[str, int], report: Report
    ) -> list[PartitionFiles]:
        """The second pass: tables and records of every partition.

        Args:
            job: whose known ids are in the staging directory.
            shards: files of each split.
            report: told how far the work is.

        Returns:
            The partitions in the order of users.

        Raises:
            InputError: if negatives cannot be drawn.
        """

    def clear(self, job: PreparationJob) -> None:
        """Removes what the passes left outside the job's staging directory, finished or not."""
        del job  # Nothing, unless a driver says so.
