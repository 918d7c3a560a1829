"""Which rows of a chunk can be used, and what is wrong with the others."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.log_chunk import REJECTED, ROW, rejection


class RowChecks:
    """Collects the rows that break a rule, each under the first rule it breaks.

    Args:
        rows: a chunk's rows, with `row`.
        table: name of the log table, for messages.
    """

    def __init__(self, rows: pa.Table, table: str) -> None:
        self.rows = rows
        self.table = table
        self._usable = np.ones(len(rows), np.bool_)
        self._rejected: list[pa.Table] = []

    def column(self, name: str) -> pa.Array:
        """One column, as it was read."""
        values = self.rows[name]
        if isinstance(values, pa.ChunkedArray):
            values = values.combine_chunks()
        if pa.types.is_dictionary(values.type):
            values = values.cast(values.type.value_type)
        return values

    def refuse(self, wrong: pa.Array, column: str, problem: str, expected: str) -> None:
        """Rejects rows.

        Args:
            wrong: `[rows]` booleans; null counts as wrong.
            column: whose values are wrong.
            problem: in words, such as "is empty".
            expected: what should stand there.
        """
        flags = pc.fill_null(wrong, True).to_numpy(zero_copy_only=False)
        places = np.flatnonzero(flags & self._usable)
        if len(places) == 0:
            return
        self._usable[places] = False
        found = self.rows.take(pa.array(places))
        self._rejected.append(
            rejection(
                found[ROW].to_numpy(), f"{column} {problem}", expected, found.drop_columns([ROW])
            )
        )

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """`[rows]` whether each row passed."""
        return self._usable

    def rejected(self) -> pa.Table:
        """The rows that did not, as `REJECTED` says."""
        return pa.concat_tables([REJECTED.empty_table(), *self._rejected])
