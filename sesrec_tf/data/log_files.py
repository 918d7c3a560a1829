"""Log tables in CSV and Parquet files, one or several a table."""

from __future__ import annotations

import csv
import os
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.data.csv_log_file import CsvLogFile
from sesrec_tf.data.log_chunk import PART_ROWS, ROW, LogChunk
from sesrec_tf.data.log_file import LogFile
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.parquet_log_file import ParquetLogFile
from sesrec_tf.data.stored_file import StoredFile, find_files
from sesrec_tf.errors import InputError

KINDS = {
    ".csv": CsvLogFile,
    ".csv.gz": CsvLogFile,
    ".parquet": ParquetLogFile,
    ".parquet.gz": ParquetLogFile,
}
"""Readers of files by the end of their names."""


@dataclass(frozen=True)
class LogFiles(LogReader):
    """Log tables in files with the columns of `LogTables`, each file a part of its table.

    Attributes:
        files: those of each table, in the order of its rows.

    Raises:
        InputError: if the name of a file does not say of what kind it is.
    """

    files: Mapping[str, tuple[StoredFile, ...]]

    def __post_init__(self) -> None:
        for table, files in self.files.items():
            for file in files:
                _kind(file, table)

    @classmethod
    def find(
        cls,
        interactions: str | os.PathLike[str],
        searches: str | os.PathLike[str],
        items: str | os.PathLike[str] | None = None,
        users: str | os.PathLike[str] | None = None,
    ) -> LogFiles:
        """The tables at some places: files, directories or patterns, see `find_files`.

        Raises:
            InputError: if there is no such file, or its name does not say of what kind it is.
        """
        places = {
            "interactions": interactions,
            "searches": searches,
            "items": items,
            "users": users,
        }
        return cls(
            {
                table: find_files(place, table)
                for table, place in places.items()
                if place is not None
            }
        )

    def parts(self, table: str) -> int:
        """See `LogReader`."""
        return len(self.files.get(table, ()))

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`; columns are ordered as in the table's first file.

        Raises:
            InputError: as `LogReader`, also if the columns are not those of the first file.
        """
        first, own = self._open(table, 0), self._open(table, part)
        with _readable(first):
            columns = first.columns()
        with _readable(own):
            if part:
                _require_same_columns(first, columns, own)
            for chunk in own.chunks(PART_ROWS * part):
                yield LogChunk(chunk.rows.select([*columns, ROW]), chunk.rejected)

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`."""
        names: list[str] = []
        parts, numbers = np.divmod(rows, PART_ROWS)
        for part in np.unique(parts).tolist():
            file, own = self._open(table, part), parts == part
            with _readable(file):
                numbers[own] = file.lines(numbers[own])
            names += [file.file.name] * int(own.sum())
        return names, numbers

    def _open(self, table: str, part: int) -> LogFile:
        file = self.files[table][part]
        return _kind(file, table)(file, table)


def _kind(file: StoredFile, table: str) -> type[LogFile]:
    for suffix, kind in KINDS.items():
        if file.path.endswith(suffix):
            return kind
    raise InputError(
        f"{table}: unknown kind of file {file.name}. Expected a name that ends in "
        f"{', '.join(KINDS)}. Convert or rename it."
    )


def _require_same_columns(first: LogFile, columns: list[str], other: LogFile) -> None:
    if set(columns) == set(other.columns()):
        return
    only = {
        first.file.name: sorted(set(columns) - set(other.columns())),
        other.file.name: sorted(set(other.columns()) - set(columns)),
    }
    differences = "; ".join(f"only {name} has {', '.join(c)}" for name, c in only.items() if c)
    raise InputError(
        f"{first.table}: {first.file.name} and {other.file.name} have different columns "
        f"({differences}). Expected the same ones in every file of a table. Write the files again."
    )


@contextmanager
def _readable(file: LogFile) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise InputError(
            f"{file.table}: there is no file {file.file.name}. Give an existing file."
        ) from error
    except (
        OSError,
        EOFError,
        UnicodeError,
        csv.Error,
        zlib.error,
        pa.ArrowException,
    ) as error:
        raise InputError(
            f"{file.table}: cannot read {file.file.name} ({error}). Expected "
            f"{' or '.join(KINDS)} as the name says, complete and in UTF-8. Write the file again."
        ) from error
