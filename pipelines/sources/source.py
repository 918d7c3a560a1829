"""What every source of logs is: a raw format, read as log tables."""

from __future__ import annotations

import argparse
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.prepare_options import PrepareOptions


class Source(LogReader):
    """A raw format, read as the tables of `sesrec_tf.data.log_tables.LogTables`.

    Attributes:
        name: on the command line.
        summary: one line for `--help`.
        time_unit: of the timestamps, see `PrepareOptions.time_unit`.
        time_units: those that the format may have, if it may have others.
        split, negatives: what `PrepareOptions` should say unless told otherwise.
        tables: what the format has, each in one part unless `parts` says otherwise.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    time_unit: ClassVar[str]
    time_units: ClassVar[tuple[str, ...]] = ()
    split: ClassVar[str] = PrepareOptions.split
    negatives: ClassVar[str] = PrepareOptions.negatives
    tables: ClassVar[tuple[str, ...]] = ("interactions", "searches")

    @classmethod
    @abstractmethod
    def add_flags(cls, flags: argparse._ArgumentGroup) -> None:
        """Adds the format's own options, each with help and default."""

    @classmethod
    @abstractmethod
    def from_arguments(cls, arguments: argparse.Namespace) -> Source:
        """The source that the flags name.

        Raises:
            InputError: if a file is missing or an option is unusable.
        """

    def parts(self, table: str) -> int:
        """See `LogReader`."""
        return int(table in self.tables)


def add_input_flag(flags: argparse._ArgumentGroup) -> None:
    """Adds `--input`, for a format whose files have names of their own."""
    flags.add_argument(
        "--input", type=Path, required=True, metavar="DIR", help="the directory with its files"
    )
