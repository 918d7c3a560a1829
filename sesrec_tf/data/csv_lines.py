"""Which line of a CSV file a row begins on."""

from __future__ import annotations

import csv
import io
import sys
from collections.abc import Generator
from contextlib import closing
from itertools import islice
from typing import IO

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.stored_file import StoredFile

_BLOCK_BYTES = 1 << 20

# What may put a row elsewhere than its number says: quoted line breaks and blank lines.
_IRREGULAR = (b'"', b"\n\n", b"\n\r", b"\r\r")


def csv_lines(file: StoredFile, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """`[N]` numbers of the lines, from 1 for the header, on which rows begin.

    Args:
        file: a CSV file with column names in its first line.
        rows: `[N]` numbers of rows from 0, ascending; blank lines are no rows.

    Raises:
        OSError, EOFError, csv.Error, zlib.error: if the file cannot be read.
    """
    if len(rows) == 0:
        return np.empty(0, np.int64)
    with file.stream() as content:
        regular = _is_regular(content, int(rows[-1]))
    if regular:
        return rows + 2
    with file.stream() as content, closing(_record_lines(content)) as starts:
        gaps = np.diff(rows, prepend=-2)
        return np.array([next(islice(starts, gap - 1, None)) for gap in gaps.tolist()], np.int64)


def _is_regular(content: IO[bytes], last_row: int) -> bool:
    """Whether every line down to that of a row is one row."""
    line_breaks, last = 0, b""
    while block := content.read(_BLOCK_BYTES):
        joined = last + block
        if any(each in joined for each in _IRREGULAR):
            return False
        line_breaks += block.count(b"\n")
        if line_breaks > last_row + 1:
            break
        last = block[-1:]
    return True


def _record_lines(content: IO[bytes]) -> Generator[int, None, None]:
    """The first line of the header and of every row; slow."""
    limit = csv.field_size_limit(sys.maxsize)
    try:
        # All that matters is ASCII; Python 3.10's parser takes no NUL.
        text = io.TextIOWrapper(content, "latin-1", newline="")
        records, line = csv.reader(each.replace("\0", " ") for each in text), 1
        for record in records:
            if record:
                yield line
            line = records.line_num + 1
    finally:
        csv.field_size_limit(limit)
