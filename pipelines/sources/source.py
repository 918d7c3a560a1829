"""What every source of logs is: a raw format, read as log tables."""

from __future__ import annotations

import argparse
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pandas as pd

from sesrec_tf.data.log_tables import LogTables

CHUNK_ROWS = 1 << 18
"""Rows a chunk has at most, unless one user's or one session's rows need more."""


class Source(ABC):
    """A raw format, read as the tables of `sesrec_tf.data.log_tables.LogTables`.

    Each table comes in chunks, so that a log may be larger than memory; the chunks of a table
    follow one another in the order of its file, and a table can be read more than once.

    Attributes:
        name: on the command line.
        summary: one line for `--help`.
        time_unit: of the timestamps, see `PrepareOptions.time_unit`.
    """

    name: ClassVar[str]
    summary: ClassVar[str]
    time_unit: ClassVar[str]

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

    @abstractmethod
    def interactions(self) -> Iterator[pd.DataFrame]:
        """Chunks of `user_id, item_id, timestamp`."""

    @abstractmethod
    def searches(self) -> Iterator[pd.DataFrame]:
        """Chunks of `user_id, session_id, query, source, clicked_item_ids, timestamp`."""

    def items(self) -> Iterator[pd.DataFrame] | None:
        """Chunks of `item_id` and attributes, if the format has any."""
        return None

    def users(self) -> Iterator[pd.DataFrame] | None:
        """Chunks of `user_id` and attributes, if the format has any."""
        return None

    def read(self) -> LogTables:
        """All tables, whole.

        Raises:
            InputError: if a file breaks its format, naming the file and the line.
        """
        return LogTables(
            interactions=_whole(self.interactions),
            searches=_whole(self.searches),
            items=_whole_or_none(self.items),
            users=_whole_or_none(self.users),
        )


def add_input_flag(flags: argparse._ArgumentGroup) -> None:
    """Adds `--input`, for a format whose files have names of their own."""
    flags.add_argument(
        "--input", type=Path, required=True, metavar="DIR", help="the directory with its files"
    )


def _whole(chunks: Callable[[], Iterator[pd.DataFrame]]) -> pd.DataFrame:
    return pd.concat(chunks(), ignore_index=True)


def _whole_or_none(chunks: Callable[[], Iterator[pd.DataFrame] | None]) -> pd.DataFrame | None:
    found = chunks()
    return None if found is None else pd.concat(found, ignore_index=True)
