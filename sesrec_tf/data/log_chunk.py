"""Some rows of one log table, on their way from a file to preparation."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

CHUNK_ROWS = 1 << 18
"""Rows a chunk has at most, unless one user's or one session's rows need more."""

PART_ROWS = 1 << 40
"""Row numbers of a table's part (file) n start at n times this, so that no file need be counted."""

ROW = "row"
REASON = "reason"
EXPECTED = "expected"
CONTENT = "content"

REJECTED = pa.schema(
    [
        (ROW, pa.int64()),
        (REASON, pa.large_string()),
        (EXPECTED, pa.large_string()),
        (CONTENT, pa.large_string()),
    ]
)
"""Rows that cannot be used: the number of each, the column and what is wrong with it ("user_id is
empty", the same for all rows of one kind), what it should be, and the row as it was found."""

_LONGEST_CONTENT = 2_000


@dataclass(frozen=True)
class LogChunk:
    """Consecutive rows of one part of a log table.

    Attributes:
        rows: the columns of the table (see `LogTables`) and int64 `row`, the number of each row in
            its file, from 0, plus `PART_ROWS` for every part before. Where several rows of a file
            make one row of the table it is that of the first.
        rejected: rows of the file that are no rows of the table because they break the file's
            format, as `REJECTED` says; none of them is among `rows`.
        left_out: how many rows of the file make no row of their own because the format wants it
            so, by reason: those without a click, say, or those joined into one session. With the
            other two they are all rows of the file, none twice.
    """

    rows: pa.Table
    rejected: pa.Table = field(default_factory=REJECTED.empty_table)
    left_out: Mapping[str, int] = field(default_factory=dict)


def rejection(
    rows: npt.NDArray[np.int64], reason: str, expected: str, content: pa.Table | list[str]
) -> pa.Table:
    """Rows rejected for one reason, as `REJECTED` says.

    Args:
        rows: `[N]` row numbers.
        reason: what is wrong, beginning with the column, without the value.
        expected: what should be there.
        content: the `N` rows as columns, kept as JSON, or as lines of the file; long ones are cut.
    """
    if isinstance(content, pa.Table):
        content = [json.dumps(row, ensure_ascii=False, default=str) for row in content.to_pylist()]
    shown = [
        text if len(text) <= _LONGEST_CONTENT else text[:_LONGEST_CONTENT] + " …"
        for text in content
    ]
    count = len(rows)
    return pa.table(
        [pa.array(rows, pa.int64()), [reason] * count, [expected] * count, shown], schema=REJECTED
    )
