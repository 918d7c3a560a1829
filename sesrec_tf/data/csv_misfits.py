"""Rows of a CSV file that have another number of values than there are columns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.csv

from sesrec_tf.data.log_chunk import REJECTED, rejection
from sesrec_tf.data.marked_text import MARK

# Longer ones are cut when they are written, so this need not be exact.
_LONGEST_TEXT = 4_000


class _Misfit(NamedTuple):
    row: int
    values: int
    text: str


class CsvMisfits:
    """Handler of invalid rows for a serial CSV reader; numbers all rows by the gaps they leave.

    The reader parses at least what it has handed out, so a misfit is known before the rows after
    it are.

    Args:
        columns: how many there are.

    Attributes:
        tail: to be read after the last line, on a line of its own: a row that never fits.
        complete: whether it has been met, so that no quoted value swallowed it.
        count: misfits met so far.
        next_row: number of the next row to be numbered.
    """

    def __init__(self, columns: int) -> None:
        self.tail = MARK + "," * columns
        self.complete = False
        self.count = 0
        self.next_row = 0
        self._columns = columns
        self._waiting: list[_Misfit] = []

    def __call__(self, row: pyarrow.csv.InvalidRow) -> str:
        """Notes a row for later and tells the reader to go on."""
        if row.text == self.tail:
            self.complete = True
        else:
            self.count += 1
            # Arrow counts the header as row 1.
            text = row.text.replace(MARK, "")[:_LONGEST_TEXT]
            self._waiting.append(_Misfit(row.number - 2, row.actual_columns, text))
        return "skip"

    def number(self, count: int, first_row: int = 0) -> tuple[npt.NDArray[np.int64], pa.Table]:
        """Numbers the next rows that fit.

        Args:
            count: how many.
            first_row: number that the file's first row has in its table.

        Returns:
            int64 `[count]` row numbers; and the misfits before, among and right after them, as
            `REJECTED` says.
        """
        places = np.array([each.row for each in self._waiting], np.int64)
        # How many of the rows that fit come before each misfit.
        before = places - self.next_row - np.arange(len(places))
        numbers = np.arange(count, dtype=np.int64)
        if len(places):
            numbers += np.searchsorted(before, numbers, side="right")
        passed = int(np.searchsorted(before, count, side="right"))
        rejected = self._rejected(self._waiting[:passed], first_row)
        numbers += self.next_row
        self.next_row += count + passed
        del self._waiting[:passed]
        return numbers + first_row, rejected

    def _rejected(self, misfits: list[_Misfit], first_row: int) -> pa.Table:
        few = [each for each in misfits if each.values < self._columns]
        many = [each for each in misfits if each.values > self._columns]
        expected = f"{self._columns} values, as many as column names"
        tables = [
            rejection(
                np.array([each.row for each in group], np.int64) + first_row,
                f"line has too {word} values",
                expected,
                [each.text for each in group],
            )
            for word, group in (("few", few), ("many", many))
            if group
        ]
        return pa.concat_tables([REJECTED.empty_table(), *tables])
