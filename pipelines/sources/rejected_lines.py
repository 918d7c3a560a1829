"""Lines of a text file that are no rows, and why."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pyarrow as pa

from sesrec_tf.data.log_chunk import REJECTED, ROW, rejection

# More than a rejection shows, whatever the characters.
_KEPT_BYTES = 1 << 14


class UnusableLineError(ValueError):
    """What is wrong with one line, see `sesrec_tf.data.log_chunk.REJECTED`.

    Attributes:
        reason: the same for all lines of one kind.
        expected: what should be there.
    """

    def __init__(self, reason: str, expected: str) -> None:
        super().__init__(f"{reason}; expected {expected}")
        self.reason = reason
        self.expected = expected


class RejectedLines:
    """Collects lines that cannot be used."""

    def __init__(self) -> None:
        self._lines: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)

    def add(self, row: int, problem: UnusableLineError, line: bytes) -> None:
        """Keeps one line.

        Args:
            row: its number in the table.
            problem: what is wrong with it.
            line: as in the file; bytes that are no UTF-8 are kept as escapes.
        """
        text = line[:_KEPT_BYTES].rstrip(b"\r").decode(errors="backslashreplace")
        self._lines[problem.reason, problem.expected].append((row, text))

    def table(self) -> pa.Table:
        """The lines by row number, as `REJECTED` says."""
        tables = [
            rejection(np.array([row for row, _ in lines]), *problem, [text for _, text in lines])
            for problem, lines in self._lines.items()
        ]
        return pa.concat_tables([REJECTED.empty_table(), *tables]).sort_by(ROW)


def utf8_text(line: bytes) -> str:
    """A line as text.

    Raises:
        UnusableLineError: if it is none.
    """
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise UnusableLineError("line is no UTF-8 text", "UTF-8") from error
