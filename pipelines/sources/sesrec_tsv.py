"""The instance files of the SESRec package: tab-separated, with column names in the first line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.line_blocks import LineBlock, line_blocks
from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.errors import InputError

IDS = ("u_id", "i_id")
COUNTS = ("rec_his", "src_his")
LABEL = "label"
COLUMNS = (*IDS, *COUNTS, LABEL)

LINE = "line"
PROBLEM = "problem"
FIRST_ROW_LINE = 2
"""Line of row 0."""

FINE = 0
PROBLEMS = (
    ("the line is not text", "UTF-8"),
    ("the line has another number of values than the first line", "one value for each column"),
    *((f"{name} is empty", "an id") for name in IDS),
    *((f"{name} is not an integer", "an integer of at least 0") for name in COUNTS),
    (f"{LABEL} is neither 0 nor 1", "1 for a positive, 0 for a negative"),
)
"""What can be wrong with a line, numbered from 1, and what should be there."""

# pandas writes 3.0 where a column once missed a value. Fifteen digits fit an integer.
_INTEGER = r"^[0-9]{1,15}(\.0*)?$"
_LABEL = r"^[01](\.0*)?$"


@dataclass(frozen=True)
class SesrecTsv:
    """One file.

    Attributes:
        path: of the file.
    """

    path: Path

    def rows(self) -> Iterator[pa.Table]:
        """The lines after the first, blank ones left out, in blocks.

        Returns:
            Tables of `row` (number of the line, from 0 for the second of the file), the columns
            `COLUMNS` (ids as text, the others as integers; meaningless where there is a problem),
            `line` (text) and int8 `problem`, `FINE` or the number of one of `PROBLEMS`.

        Raises:
            InputError: if the file is missing or cut short, or lacks a column or has one twice.
        """
        header: list[str] = []
        for block in line_blocks(self.path):
            lines = _lines(block)
            numbers = np.arange(len(lines)) + block.first_line - FIRST_ROW_LINE
            if not header:
                header = self._header(lines)
                lines, numbers = lines.slice(1), numbers[1:]
            yield _parsed(lines, numbers, header)

    def _header(self, lines: pa.LargeBinaryArray) -> list[str]:
        first = lines[0].as_py() if len(lines) else b""
        names = first.decode("utf-8-sig", "replace").rstrip("\r\n").split("\t")
        missing = [name for name in COLUMNS if name not in names]
        twice = sorted({name for name in COLUMNS if names.count(name) > 1})
        if missing or twice:
            problem = f"missing column {', '.join(missing)}"
            raise InputError(
                f"{self.path}, line 1: "
                f"{problem if missing else f'column {twice[0]} stands twice'}. Expected the "
                f"columns {', '.join(COLUMNS)}, separated by tabs. Received: "
                f"{', '.join(names)[:200] or 'none'}. Give the file as it was published."
            )
        return names


def _lines(block: LineBlock) -> pa.LargeBinaryArray:
    """The lines of a block with their line breaks, without a copy."""
    data = np.frombuffer(block.data, np.uint8)
    ends = np.flatnonzero(data == ord("\n")) + 1
    tail = [len(data)] if len(data) and data[-1] != ord("\n") else []
    offsets = np.concatenate([[0], ends, tail]).astype(np.int64)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(block.data)]
    return pa.LargeBinaryArray.from_buffers(pa.large_binary(), len(offsets) - 1, buffers)


def _parsed(
    lines: pa.LargeBinaryArray, numbers: npt.NDArray[np.int64], header: list[str]
) -> pa.Table:
    texts, is_text = _texts(lines)
    texts = pc.utf8_rtrim(texts, characters="\r\n")
    given = np.flatnonzero(pc.not_equal(texts, "").to_numpy(zero_copy_only=False) | ~is_text)
    texts, is_text = texts.take(pa.array(given)), is_text[given]
    fits = pc.equal(pc.count_substring(texts, "\t"), len(header) - 1)
    padded = pc.if_else(fits, texts, "\t" * (len(header) - 1))
    values = pc.list_flatten(pc.split_pattern(padded, "\t"))
    first = np.arange(len(texts)) * len(header)
    columns = {name: values.take(pa.array(first + header.index(name))) for name in COLUMNS}
    patterns = dict.fromkeys(COUNTS, _INTEGER) | {LABEL: _LABEL}
    checks = [
        pa.array(is_text),
        fits,
        *(pc.not_equal(columns[name], "") for name in IDS),
        *(pc.match_substring_regex(columns[name], patterns[name]) for name in patterns),
    ]
    integers = {
        name: pc.if_else(check, pc.replace_substring_regex(columns[name], r"\..*$", ""), "0")
        for name, check in zip(patterns, checks[-len(patterns) :], strict=True)
    }
    return pa.table(
        {
            ROW: numbers[given],
            **{name: columns[name] for name in IDS},
            **{name: values.cast(pa.int64()) for name, values in integers.items()},
            LINE: texts,
            PROBLEM: _first_problem(checks),
        }
    )


def _texts(lines: pa.LargeBinaryArray) -> tuple[pa.LargeStringArray, npt.NDArray[np.bool_]]:
    """The lines as text, what is none with escapes, and which of them are text."""
    try:
        return lines.cast(pa.large_string()), np.ones(len(lines), np.bool_)
    except pa.ArrowInvalid:
        texts = [line.decode("utf-8", "backslashreplace") for line in lines.to_pylist()]
        whole = [text.encode() == line for text, line in zip(texts, lines.to_pylist(), strict=True)]
        return pa.array(texts, pa.large_string()), np.asarray(whole, np.bool_)


def _first_problem(checks: list[pa.Array]) -> npt.NDArray[np.int8]:
    problem = np.full(len(checks[0]), FINE, np.int8)
    for number, check in enumerate(checks, 1):
        fine = check.to_numpy(zero_copy_only=False)
        problem[(problem == FINE) & ~fine] = number
    return problem
