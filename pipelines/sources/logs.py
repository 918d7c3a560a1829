"""A platform's own log tables, in files of the documented columns."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from pipelines.sources.source import Source
from sesrec_tf.data.log_files import read_log_tables, read_table
from sesrec_tf.data.log_tables import LogTables


@dataclass(frozen=True)
class Logs(Source):
    """CSV or Parquet files with the columns of `sesrec_tf.data.log_tables.LogTables`.

    Attributes:
        interactions_file, searches_file: the events.
        items_file, users_file: categorical attributes, or `None`.
    """

    name = "logs"
    summary = "your own tables, one file each, CSV or Parquet"
    time_unit = "s"

    interactions_file: Path
    searches_file: Path
    items_file: Path | None = None
    users_file: Path | None = None

    @classmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """See the base class."""
        for name, meaning, required in (
            ("--interactions", "the recommendation feed, positives only", True),
            ("--searches", "the search sessions with their clicks", True),
            ("--items", "categorical attributes of the items (optional)", False),
            ("--users", "categorical attributes of the users (optional)", False),
        ):
            flags.add_argument(name, type=Path, required=required, metavar="FILE", help=meaning)

    @classmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Logs:
        """See the base class."""
        return cls(arguments.interactions, arguments.searches, arguments.items, arguments.users)

    def read(self) -> LogTables:
        """See the base class; without a copy through chunks."""
        return read_log_tables(
            self.interactions_file, self.searches_file, self.items_file, self.users_file
        )

    def interactions(self) -> Iterator[pd.DataFrame]:
        """See the base class; the whole file in one chunk."""
        yield read_table(self.interactions_file, "interactions")

    def searches(self) -> Iterator[pd.DataFrame]:
        """See the base class; the whole file in one chunk."""
        yield read_table(self.searches_file, "searches")

    def items(self) -> Iterator[pd.DataFrame] | None:
        """See the base class."""
        return _table(self.items_file, "items")

    def users(self) -> Iterator[pd.DataFrame] | None:
        """See the base class."""
        return _table(self.users_file, "users")


def _table(file: Path | None, table: str) -> Iterator[pd.DataFrame] | None:
    return None if file is None else iter([read_table(file, table)])
