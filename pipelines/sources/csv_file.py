"""CSV files of a raw format, streamed."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.csv_columns import ColumnFormat
from pipelines.sources.csv_rows import CsvRows
from pipelines.sources.line_blocks import LineBlock, line_blocks
from pipelines.sources.rejected_lines import RejectedLines
from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk
from sesrec_tf.errors import InputError

BLOCK_BYTES = 1 << 24
"""Bytes parsed at a time."""

_HEADER_BYTES = 1 << 12
_HEADER_LINES = 1


class CsvFile:
    """A CSV file with column names in the first line and every row on one line.

    The number of a row counts the lines before it that are not the header, empty ones too.

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

    def chunks(self, columns: Mapping[str, ColumnFormat]) -> Iterator[LogChunk]:
        """`row` and the named columns, in the order of the file.

        Rejected are lines that are no UTF-8, have another number of values than there are columns
        or end within a value, and those with a value that is none of its column's format.

        Raises:
            InputError: if the file cannot be read to its end.
        """
        for block in line_blocks(self.path, BLOCK_BYTES):
            chunk = self._chunk(block if block.first_line > 1 else _below_header(block), columns)
            # At least one, for the schema and for what is rejected.
            for start in range(0, max(len(chunk.rows), 1), CHUNK_ROWS):
                rejected = chunk.rejected.slice(0, None if start == 0 else 0)
                yield LogChunk(chunk.rows.slice(start, CHUNK_ROWS), rejected)

    def lines(self, rows: npt.NDArray[np.int64]) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader.lines`; the header is line 1."""
        return [str(self.path)] * len(rows), rows + _HEADER_LINES + 1

    def _chunk(self, block: LineBlock, columns: Mapping[str, ColumnFormat]) -> LogChunk:
        found = CsvRows.read(block, self.header, list(columns))
        unusable, readable = found.unusable, np.ones(len(found.lines), np.bool_)
        values = {}
        for name, column in columns.items():
            values[name] = column.read(found.columns[name].combine_chunks())
            if values[name].null_count:
                missing = values[name].is_null().to_numpy(zero_copy_only=False) & readable
                problem = column.unusable(name)
                unusable += [(place, problem) for place in found.lines[missing].tolist()]
                readable &= ~missing
        first_row = block.first_line - 1 - _HEADER_LINES
        rejected = RejectedLines()
        for place, problem in unusable:
            rejected.add(first_row + place, problem, block.raw_lines[place])
        rows = pa.table({**values, ROW: first_row + found.lines})
        return LogChunk(rows if readable.all() else rows.filter(readable), rejected.table())

    def _read_header(self, required: Sequence[str]) -> list[str]:
        if not self.path.is_file():
            raise InputError(
                f"there is no file {self.path}. Expected it, or {self.path.name}.gz, with the "
                f"columns {', '.join(required)}. Give the directory that holds the files."
            )
        first, *_ = next(line_blocks(self.path, _HEADER_BYTES)).raw_lines or [b""]
        try:
            return next(csv.reader([first.decode("utf-8-sig")], strict=True), [])
        except (UnicodeDecodeError, csv.Error) as error:
            raise InputError(
                f"{self.path}, line 1: cannot read the column names ({error}). Expected CSV in "
                f"UTF-8 with the columns {', '.join(required)}. Give the file as it was published."
            ) from error

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


def _below_header(block: LineBlock) -> LineBlock:
    _, _, rows = block.data.partition(b"\n")
    return LineBlock(block.path, block.first_line + _HEADER_LINES, rows)
