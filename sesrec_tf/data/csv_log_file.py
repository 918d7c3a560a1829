"""One CSV file of a log table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sesrec_tf.data.csv_lines import csv_lines
from sesrec_tf.data.csv_misfits import CsvMisfits
from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk, rejection
from sesrec_tf.data.log_file import LogFile
from sesrec_tf.data.marked_text import MARK, MarkedText
from sesrec_tf.errors import InputError

BLOCK_BYTES = 1 << 20
"""Bytes parsed at a time, and so the longest row that can be read. Arrow reads 32 blocks ahead."""

_CHUNK_BLOCKS = 64


class CsvLogFile(LogFile):
    """CSV with column names in the first line; every value is text, verbatim. See `LogFile`.

    A row with too many or too few values, or with bytes that are no UTF-8 text, is rejected. Lines
    without a character are no rows.
    """

    def columns(self) -> list[str]:
        """See the base class."""
        return self._wanted(self._header)

    def chunks(self, first_row: int) -> Iterator[LogChunk]:
        """See the base class; a chunk is `CHUNK_ROWS` rows or 64 blocks of the file, what is less.

        Raises:
            InputError: as the base class, also if a row is longer than `BLOCK_BYTES`.
        """
        columns, misfits = self.columns(), CsvMisfits(len(self._header))
        with self.file.stream() as file:
            content = MarkedText(file, f"\n{misfits.tail}\n".encode())
            for rows in _regroup(self._batches(content, misfits, columns)):
                numbers, rejected = misfits.number(len(rows), first_row)
                rows = rows.append_column(ROW, pa.array(numbers, pa.int64()))
                if content.damaged:
                    rows, unreadable = _without_marks(rows)
                    rejected = pa.concat_tables([rejected, unreadable])
                yield LogChunk(rows, rejected.sort_by(ROW))

    def lines(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """See the base class; a row's line is the one on which it begins."""
        return csv_lines(self.file, rows)

    @cached_property
    def _header(self) -> list[str]:
        with self.file.stream() as file:
            # The rows below may hold anything.
            text = io.TextIOWrapper(file, "utf-8-sig", "surrogateescape", newline="")
            header: list[str] = next(csv.reader(text), [])
        for name in header:
            name.encode()
        return header

    def _batches(
        self, content: MarkedText, misfits: CsvMisfits, columns: list[str]
    ) -> Iterator[pa.Table]:
        """The rows that fit, one batch a block, empty ones too."""
        seen = 0
        try:
            for batch in self._reader(content, misfits, columns):
                # The header is read as a row: no file and no start of a file is without one.
                rows = batch.slice(1 if seen == 0 else 0)
                seen += len(batch)
                yield pa.Table.from_batches([rows])
        except pa.ArrowInvalid as error:
            if "straddl" not in str(error):
                raise
            raise self._endless_row(seen + misfits.count) from error
        if not misfits.complete:
            raise self._endless_row(seen + misfits.count - 1)

    def _reader(
        self, content: MarkedText, misfits: CsvMisfits, columns: list[str]
    ) -> pa.csv.CSVStreamingReader:
        # Rows are numbered by a serial reader alone. The text has been checked.
        return pyarrow.csv.open_csv(
            content,
            read_options=pyarrow.csv.ReadOptions(
                block_size=BLOCK_BYTES, use_threads=False, column_names=self._header
            ),
            parse_options=pyarrow.csv.ParseOptions(
                newlines_in_values=True, invalid_row_handler=misfits
            ),
            convert_options=pyarrow.csv.ConvertOptions(
                column_types=dict.fromkeys(self._header, pa.string()),
                include_columns=columns,
                strings_can_be_null=False,
                quoted_strings_can_be_null=False,
                check_utf8=False,
            ),
        )

    def _endless_row(self, record: int) -> InputError:
        # The line before it: looking for its own would read the rest of the file.
        line = int(self.lines(np.array([max(record - 2, -1)], np.int64))[0])
        return InputError(
            f"{self.table}: {self.file.name}, below line {line}: a quoted value does not end, or a "
            f"row is longer than {BLOCK_BYTES:,} bytes. Expected a closing quote for every quote "
            "that opens a value. Mend or remove the row."
        )


def _regroup(batches: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """Chunks of `CHUNK_ROWS` rows, or of so many batches if they hold fewer; at least one."""
    waiting: list[pa.Table] = []
    for batch in batches:
        waiting.append(batch)
        while sum(map(len, waiting)) >= CHUNK_ROWS:
            rows = pa.concat_tables(waiting)
            yield rows.slice(0, CHUNK_ROWS)
            waiting = [rows.slice(CHUNK_ROWS)]
        if len(waiting) == _CHUNK_BLOCKS:
            yield pa.concat_tables(waiting)
            waiting = [batch.slice(len(batch))]
    yield pa.concat_tables(waiting)


def _without_marks(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """The rows that were UTF-8, and the others as rejected ones."""
    rejected = []
    for column in rows.column_names:
        if column == ROW:
            continue
        marked = pc.match_substring(rows[column], MARK)
        if pc.any(marked).as_py():
            rejected.append(_unreadable(rows.filter(marked), column))
            rows = rows.filter(pc.invert(marked))
    none = rejection(np.empty(0, np.int64), "", "", [])
    return rows, pa.concat_tables([none, *rejected])


def _unreadable(rows: pa.Table, column: str) -> pa.Table:
    numbers = rows[ROW].to_numpy()
    content = rows.drop_columns([ROW])
    shown = [pc.replace_substring(values, MARK, "") for values in content.columns]
    content = pa.table(shown, content.column_names)
    return rejection(numbers, f"{column} is no UTF-8 text", "UTF-8 without NUL", content)
