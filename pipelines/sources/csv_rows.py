"""Lines of CSV, each a row of its own, as columns of text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from pipelines.sources.line_blocks import LineBlock
from pipelines.sources.rejected_lines import UnusableLineError, utf8_text
from sesrec_tf.errors import InputError

# A field is quoted or not; what follows the end of a quotation belongs to the field.
_FIELD = rb'(?:"[^"]*(?:""[^"]*)*"(?!")[^,]*|[^",][^,]*|)'
_EMPTY = (b"", b"\r")
_WHOLE_LINE = re.compile(rb"%s(?:,%s)*" % (_FIELD, _FIELD))


@dataclass(frozen=True)
class CsvRows:
    """What the lines of a block say.

    Attributes:
        lines: `[N]` places in the block of the lines that are rows, ascending.
        columns: the `N` rows as text without nulls.
        unusable: places of the lines that are none, in any order, and what is wrong with each.
            Empty lines are neither.
    """

    lines: npt.NDArray[np.int64]
    columns: pa.Table
    unusable: list[tuple[int, UnusableLineError]]

    @classmethod
    def read(cls, block: LineBlock, header: Sequence[str], columns: Sequence[str]) -> CsvRows:
        """Reads a block, as a whole where every line of it is a row.

        Args:
            block: lines below the header.
            header: names of all columns of the file.
            columns: those to keep.

        Raises:
            InputError: if the rows cannot be told apart.
        """
        rows = _whole_block(block, header, columns)
        return _line_by_line(block, header, columns) if rows is None else rows


def _whole_block(block: LineBlock, header: Sequence[str], columns: Sequence[str]) -> CsvRows | None:
    """The rows, or `None` if some do not coincide with lines or some line is no text."""
    try:
        block.data.decode()
    except UnicodeDecodeError:
        return None
    # CR alone would end a row too.
    if b"\r" in block.data and block.data.count(b"\r") > block.data.count(b"\r\n"):
        return None
    rows = _parse(block.data, header, columns)
    lines = np.arange(block.line_count)
    if rows.count < len(lines):
        lines = lines[[line not in _EMPTY for line in block.raw_lines]]
    # With as many rows as lines only the last can be open: nothing follows to close it.
    aligned = rows.count == len(lines) and _is_whole(_last_line(block.data))
    return rows.at(lines) if aligned else None


def _line_by_line(block: LineBlock, header: Sequence[str], columns: Sequence[str]) -> CsvRows:
    """The rows on lines that spoil no others: an open quote costs its line only."""
    lines, unusable = [], []
    for place, line in enumerate(block.raw_lines):
        try:
            _require_whole(line)
        except UnusableLineError as problem:
            unusable.append((place, problem))
        else:
            if line not in _EMPTY:
                lines.append(place)
    rows = _parse(b"".join(block.raw_lines[line] + b"\n" for line in lines), header, columns)
    if rows.count != len(lines):
        raise InputError(
            f"{block.path}, from line {block.first_line} on: cannot tell the rows apart. Expected "
            "CSV, every row on one line. Get the file again."
        )
    found = rows.at(np.array(lines, np.int64))
    return CsvRows(found.lines, found.columns, [*found.unusable, *unusable])


@dataclass(frozen=True)
class _Parsed:
    columns: pa.Table
    # Number from 0 among the rows, and number of values, of those with too few or too many.
    uneven: list[tuple[int, int]]
    width: int

    @property
    def count(self) -> int:
        return len(self.columns) + len(self.uneven)

    def at(self, lines: npt.NDArray[np.int64]) -> CsvRows:
        """The rows, which stand on these lines."""
        expected = f"{self.width} values, one for every column"
        few = UnusableLineError("line has too few values", expected)
        many = UnusableLineError("line has too many values", expected)
        unusable = [
            (int(lines[row]), few if found < self.width else many) for row, found in self.uneven
        ]
        return CsvRows(np.delete(lines, [row for row, _ in self.uneven]), self.columns, unusable)


def _parse(data: bytes, header: Sequence[str], columns: Sequence[str]) -> _Parsed:
    """All rows of UTF-8 text, wherever they break."""
    uneven: list[tuple[int, int]] = []

    def note(row: pyarrow.csv.InvalidRow) -> str:
        uneven.append((row.number - 1, row.actual_columns))
        return "skip"

    if not data:
        none = pa.table({name: pa.array([], pa.string()) for name in columns})
        return _Parsed(none, [], len(header))
    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        # Rows have numbers in one thread only.
        pyarrow.csv.ReadOptions(column_names=header, use_threads=False, block_size=len(data) + 1),
        pyarrow.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
        pyarrow.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
            quoted_strings_can_be_null=False,
        ),
    )
    return _Parsed(table, uneven, len(header))


def _last_line(data: bytes) -> bytes:
    """The last line that is not empty."""
    filled = data.rstrip(b"\r\n")
    return filled[filled.rfind(b"\n") + 1 :]


def _is_whole(line: bytes) -> bool:
    """Whether a line without its end is one row, with every quote closed."""
    return b"\r" not in line and _WHOLE_LINE.fullmatch(line) is not None


def _require_whole(line: bytes) -> None:
    """Raises `UnusableLineError` for what is no text, or does not end where the line does."""
    utf8_text(line)
    if not _is_whole(line.removesuffix(b"\r")):
        raise UnusableLineError(
            "line ends within a value", "every row on one line, and every quote closed"
        )
