"""A platform's own log tables, in files of the documented columns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.sources.source import Source
from sesrec_tf.data.log_chunk import LogChunk
from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.prepare_options import TIME_UNITS


@dataclass(frozen=True)
class Logs(Source):
    """CSV or Parquet files with the columns of `sesrec_tf.data.log_tables.LogTables`.

    Attributes:
        files: of each table.
    """

    name = "logs"
    summary = (
        "your own tables, CSV or Parquet, .gz too: a file, a directory or a quoted pattern "
        "('feed/part-*.parquet') each, here or at a URL (gs://, s3://, hdfs://)"
    )
    time_unit = "s"
    time_units = TIME_UNITS

    files: LogFiles

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """See the base class."""
        for name, meaning, required in (
            ("--interactions", "the recommendation feed, positives only", True),
            ("--searches", "the search sessions with their clicks", True),
            ("--items", "categorical attributes of the items (optional)", False),
            ("--users", "categorical attributes of the users (optional)", False),
        ):
            # Text: a path would make one slash of the two in a URL.
            flags.add_argument(name, required=required, metavar="FILES", help=meaning)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Logs:
        """See the base class."""
        return cls(
            LogFiles.find(
                arguments.interactions, arguments.searches, arguments.items, arguments.users
            )
        )

    def parts(self, table: str) -> int:
        """See `LogReader`."""
        return self.files.parts(table)

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`."""
        return self.files.chunks(table, part)

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`."""
        return self.files.lines(table, rows)
