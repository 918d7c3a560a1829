"""Rows that could not be used: how many are too many, and where they are kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from sesrec_tf.data.log_chunk import CONTENT, EXPECTED, REASON, REJECTED, ROW
from sesrec_tf.errors import InputError

DIRECTORY = "rejected"
SHOWN = 10

_MOST_KEPT = 1_000_000


class RowPlaces(Protocol):
    """Whatever knows where rows stand, such as a `LogReader`."""

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader.lines`."""


@dataclass(frozen=True)
class TableRows:
    """The rows of the files of one log table.

    Attributes:
        read: all of them.
        rejected: those that cannot be used, as `log_chunk.REJECTED` says.
        left_out: by reason, those that make no row of their own, see `LogChunk`.
    """

    read: int
    rejected: pa.Table = field(default_factory=REJECTED.empty_table)
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def summed(cls, parts: Iterable[TableRows]) -> TableRows:
        """Those of several parts, or none."""
        found = list(parts)
        left_out: Counter[str] = Counter()
        for part in found:
            left_out.update(part.left_out)
        rejected = pa.concat_tables([REJECTED.empty_table(), *(part.rejected for part in found)])
        return cls(sum(part.read for part in found), rejected, dict(sorted(left_out.items())))

    @property
    def used(self) -> int:
        """Those that are rows of the table."""
        return self.read - len(self.rejected) - sum(self.left_out.values())

    def counts(self) -> dict[str, Any]:
        """Rows read and used, and left out and rejected for each reason."""
        reasons = pc.value_counts(self.rejected[REASON].combine_chunks()).to_pylist()
        return {
            "read": self.read,
            "used": self.used,
            "left_out": dict(self.left_out),
            "rejected": dict(sorted((each["values"], each["counts"]) for each in reasons)),
        }


def require_few(
    reader: RowPlaces, table: str, rows: TableRows, max_rejected: float, complete: bool = True
) -> None:
    """Checks that not too many rows of a table are rejected.

    Args:
        reader: of the table, for names and lines.
        table: its name.
        rows: what was read of it.
        max_rejected: the share of the rows read that may be rejected.
        complete: whether all rows were read. If not, only what no further row can mend counts,
            or so many rejected rows that they should not be kept in memory.

    Raises:
        InputError: with the first rows that cannot be used.
    """
    if not complete and max_rejected > 0 and len(rows.rejected) <= _MOST_KEPT:
        return
    # As written: 29 of 100 rows are 0.29, which binary fractions miss.
    if len(rows.rejected) <= Fraction(str(max_rejected)) * rows.read:
        return
    first = rows.rejected.sort_by(ROW).slice(0, SHOWN)
    files, lines = reader.lines(table, first[ROW].to_numpy())
    found = [
        f"{file}, line {line}: {row[REASON]}. Expected {row[EXPECTED]}. Received: {row[CONTENT]}"
        for file, line, row in zip(files, lines, first.to_pylist(), strict=True)
    ]
    if max_rejected == 0:
        raise InputError(
            f"{table}: {found[0]}. Mend or drop the row, or allow some with `--max-rejected`."
        )
    so_far = "" if complete else " read so far"
    raise InputError(
        f"{table}: {len(rows.rejected):,} of {rows.read:,} rows{so_far} cannot be used. Expected "
        f"at most {max_rejected:.2%} (`--max-rejected {max_rejected:g}`). Mend the table or choose "
        f"the right flags, or allow more. The first {len(found)}:",
        found,
    )


def write_rejected(directory: Path, reader: RowPlaces, tables: Mapping[str, TableRows]) -> None:
    """Writes `rejected/TABLE.csv` for every table with rejected rows.

    Columns `file`, `line`, `reason`, `expected` and `row`: the row as it was found, or, where a
    rule on several rows rejects it, in its checked form (times in ticks, clicks as a list).
    """
    for name, rows in tables.items():
        if len(rows.rejected) == 0:
            continue
        ordered = rows.rejected.sort_by(ROW)
        files, lines = reader.lines(name, ordered[ROW].to_numpy())
        found = pa.table(
            {
                "file": files,
                "line": lines,
                REASON: ordered[REASON],
                EXPECTED: ordered[EXPECTED],
                "row": ordered[CONTENT],
            }
        )
        target = directory / DIRECTORY
        target.mkdir(exist_ok=True)
        pyarrow.csv.write_csv(found, target / f"{name}.csv")
