"""CSV files of a raw format, streamed as text."""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from pipelines.sources.integer_lists import integer_words
from pipelines.sources.source import CHUNK_ROWS
from sesrec_tf.errors import InputError

BLOCK_BYTES = 1 << 24
"""Bytes parsed at a time, and so the longest row that can be read."""

# From here on not every integer is a float of its own.
_EXACT_FLOATS = 2.0**53


class TextRows(NamedTuple):
    """Consecutive rows: the number of the first in its file, from 0, and text without nulls."""

    first: int
    columns: pa.RecordBatch


class CsvFile:
    """A CSV file with column names in the first line, read batch by batch.

    Args:
        directory, name: where it is; `NAME.gz` is taken where there is no `NAME`.
        required: columns it must have, in any order.

    Attributes:
        path: of the file.
        header: names of all its columns.

    Raises:
        InputError: if there is no such file, or it lacks a column or has one twice.
    """

    def __init__(self, directory: Path, name: str, required: Sequence[str]) -> None:
        plain, packed = directory / name, directory / f"{name}.gz"
        self.path = packed if packed.is_file() and not plain.is_file() else plain
        self.header = self._read_header(required)
        self._check_header(required)

    def batches(self, columns: Sequence[str]) -> Iterator[TextRows]:
        """The rows in the order of the file, at most `CHUNK_ROWS` at a time.

        A file without rows gives one empty batch.

        Raises:
            InputError: if the file is damaged, with the line where one is to blame.
        """
        first = 0
        try:
            reader = self._reader(columns)
            for block in reader:
                for start in range(0, len(block), CHUNK_ROWS):
                    rows = block.slice(start, CHUNK_ROWS)
                    yield TextRows(first, rows)
                    first += len(rows)
            if first == 0:
                yield TextRows(0, pa.RecordBatch.from_pylist([], reader.schema))
        except (OSError, EOFError, pa.ArrowException) as error:
            raise self._damaged(error) from error

    def integers(self, rows: TextRows, column: str) -> npt.NDArray[np.int64]:
        """One column as int64; `12.0` counts as 12, for pandas writes integers so at times.

        Raises:
            InputError: naming the line of the first value that is no integer.
        """
        values = rows.columns[column]
        try:
            return pc.cast(values, pa.int64()).to_numpy()
        except pa.ArrowInvalid:
            number = r"^-?[0-9]+(\.[0-9]*)?([eE]\+?[0-9]+)?$"
            written = pc.match_substring_regex(values, number)
            floats = pc.cast(pc.if_else(written, values, "nan"), pa.float64()).to_numpy()
        wrong = ~((np.abs(floats) < _EXACT_FLOATS) & (floats == np.trunc(floats)))
        if wrong.any():
            place = int(np.flatnonzero(wrong)[0])
            raise self.refusal(rows.first + place, column, "an integer", values[place].as_py())
        return floats.astype(np.int64)

    def integer_lists(self, rows: TextRows, column: str) -> pa.Array:
        """One column of lists of integers, each as words separated by spaces.

        Raises:
            InputError: naming the line of the first value that is no list of integers.
        """
        words = integer_words(rows.columns[column])
        if words.null_count:
            place = int(np.flatnonzero(words.is_null().to_numpy(zero_copy_only=False))[0])
            received = rows.columns[column][place].as_py()
            expected = "a list of integers such as [20, 34, 3]"
            raise self.refusal(rows.first + place, column, expected, received)
        return words

    def refusal(self, row: int, column: str, expected: str, received: str) -> InputError:
        """The error of one value, with its line.

        Args:
            row: number of the row, from 0.
            column: its column.
            expected: what should stand there.
            received: what stands there.
        """
        return InputError(
            f"{self.path}, line {self._line_of(row)}: {column} is not {expected}. "
            f"Received: {received!r}. Mend or drop the line."
        )

    def _read_header(self, required: Sequence[str]) -> list[str]:
        try:
            with self._open() as file:
                return next(csv.reader(file), [])
        except FileNotFoundError as error:
            raise InputError(
                f"there is no file {self.path}. Expected it, or {self.path.name}.gz, with the "
                f"columns {', '.join(required)}. Give the directory that holds the files."
            ) from error
        except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
            raise self._damaged(error) from error

    def _check_header(self, required: Sequence[str]) -> None:
        missing = [column for column in required if column not in self.header]
        if missing:
            raise InputError(
                f"{self.path}, line 1: missing column {', '.join(missing)}. Expected the columns "
                f"{', '.join(required)}. Received: {', '.join(self.header) or 'none'}. Give the "
                "file as it was published."
            )
        twice = sorted({column for column in self.header if self.header.count(column) > 1})
        if twice:
            raise InputError(
                f"{self.path}, line 1: column {', '.join(twice)} stands twice. Expected every "
                "name once. Drop or rename one of them."
            )

    def _reader(self, columns: Sequence[str]) -> pa.csv.CSVStreamingReader:
        return pyarrow.csv.open_csv(
            self.path,
            read_options=pyarrow.csv.ReadOptions(block_size=BLOCK_BYTES),
            parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(columns, pa.string()),
                include_columns=list(columns),
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
            ),
        )

    def _open(self) -> IO[str]:
        opens: Callable[..., IO[str]] = gzip.open if self.path.suffix == ".gz" else open
        # Damaged text passes as surrogates, so that its line can be named.
        return opens(self.path, "rt", encoding="utf-8-sig", errors="surrogateescape", newline="")

    def _records(self) -> Iterator[tuple[int, list[str]]]:
        """The first line and the fields of every record, empty lines left out; slow."""
        limit = csv.field_size_limit(sys.maxsize)
        try:
            with self._open() as file:
                reader, line = csv.reader(file), 1
                for record in reader:
                    if record:
                        yield line, record
                    line = reader.line_num + 1
        finally:
            csv.field_size_limit(limit)

    def _line_of(self, row: int) -> int:
        # Quoted line breaks and empty lines: only counting tells.
        return next(line for place, (line, _) in enumerate(self._records()) if place == row + 1)

    def _damaged(self, error: Exception) -> InputError:
        line, problem = self._first_damage()
        where = f"{self.path}, line {line}" if line else f"{self.path}"
        return InputError(
            f"{where}: cannot read the file ({problem or error}). Expected CSV in UTF-8, as many "
            "values in every line as there are column names. Get the file again."
        )

    def _first_damage(self) -> tuple[int, str]:
        try:
            for line, record in self._records():
                if len(record) != len(self.header):
                    return line, f"{len(record)} values for {len(self.header)} columns"
                if any("\udc80" <= letter <= "\udcff" for letter in "".join(record)):
                    return line, "no UTF-8 text"
        except (OSError, EOFError, csv.Error):
            pass  # The first error says more than this one.
        return 0, ""
