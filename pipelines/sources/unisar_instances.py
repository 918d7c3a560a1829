"""Instances of the UniSAR package, from its three pickled frames."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import PADDING, IdCodes, Integers, id_array
from pipelines.sources.pickled_frames import read_frame
from pipelines.sources.released_instances import NEGATIVES, ReleasedInstances
from sesrec_tf.data.log_chunk import PART_ROWS, ROW
from sesrec_tf.data.row_checks import RowChecks

INTEGERS = ("user_id", "item_id", "rec_his", "src_session_his")
NEGATIVE_ITEMS = "neg_items"

_NO_INTEGER = -1
# From here on not every integer is a float of its own.
_EXACT_FLOATS = 2.0**53

_NEGATIVES_PROBLEM = (
    NEGATIVE_ITEMS,
    f"is not {NEGATIVES} other items than the target",
    f"a list of {NEGATIVES} items",
)


class UnisarInstances:
    """The instances of all files, and the rows that are none.

    Every row is an instance; the negatives of train are not kept.

    Args:
        paths: of train, valid and test, in this order.
        users, items: codes of ids, extended by those of the files.

    Attributes:
        instances: as listed.
        rejected: by part, 1 for train, as `REJECTED` says.

    Raises:
        InputError: if a file is missing or damaged, or lacks a column.
    """

    def __init__(self, paths: list[Path], users: IdCodes, items: IdCodes) -> None:
        self._users, self._items = users, items
        self.rejected: dict[int, pa.Table] = {}
        found = [self._read(path, part) for part, path in enumerate(paths, 1)]
        self.instances = ReleasedInstances.joined(found)

    def _read(self, path: Path, part: int) -> ReleasedInstances:
        names = INTEGERS if part == 1 else (*INTEGERS, NEGATIVE_ITEMS)
        frame = read_frame(path, names)
        integers = {name: _integers(frame[name]) for name in INTEGERS}
        row = np.arange(len(frame[INTEGERS[0]])) + part * PART_ROWS
        shown = {name: _shown(frame[name]) for name in INTEGERS}
        checks = RowChecks(pa.table({ROW: row, **shown}), "interactions")
        for name, values in integers.items():
            expected = "an integer of at least 0"
            checks.refuse(pa.array(values == _NO_INTEGER), name, "is not an integer", expected)
        users = self._users.codes(pa.array(integers["user_id"]))
        items = self._items.codes(pa.array(integers["item_id"]))
        negatives = np.zeros((0, NEGATIVES), np.int64)
        if part > 1:
            negatives = self._negatives(frame[NEGATIVE_ITEMS], items, path, checks)
        self.rejected[part] = checks.rejected()
        kept = checks.usable
        interactions, searches = (integers[name][kept] for name in INTEGERS[2:])
        return ReleasedInstances(
            row[kept], users[kept], items[kept], interactions, searches, negatives
        )

    def _negatives(
        self, cells: npt.NDArray[Any], target: Integers, path: Path, checks: RowChecks
    ) -> Integers:
        """`[V, 99]` codes of the rows that stay usable."""
        full = [
            isinstance(cell, (list, tuple, np.ndarray)) and len(cell) == NEGATIVES for cell in cells
        ]
        checks.refuse(pc.invert(pa.array(full, pa.bool_())), *_NEGATIVES_PROBLEM)
        usable = checks.usable.copy()
        ids = id_array(list(chain.from_iterable(cells[usable])), f"{path}: {NEGATIVE_ITEMS}")
        codes = self._items.codes(ids).reshape(-1, NEGATIVES)
        others = (codes != PADDING) & (codes != target[usable][:, None])
        wrong = np.zeros(len(usable), np.bool_)
        wrong[usable] = ~others.all(axis=1)
        checks.refuse(pa.array(wrong), *_NEGATIVES_PROBLEM)
        return codes[~wrong[usable]]


def _integers(values: npt.NDArray[Any]) -> Integers:
    """The values that are integers of at least 0, and `_NO_INTEGER` for the others."""
    if values.dtype.kind == "O":
        whole = [isinstance(value, (int, np.integer)) for value in values]
        values = np.where(whole, values, _NO_INTEGER).astype(np.float64)
    if values.dtype.kind == "f":
        with np.errstate(invalid="ignore"):
            exact = (values == np.trunc(values)) & (np.abs(values) < _EXACT_FLOATS)
        values = np.where(exact, values, _NO_INTEGER)
    return np.maximum(values.astype(np.int64), _NO_INTEGER)


def _shown(values: npt.NDArray[Any]) -> pa.Array:
    """The values as they are, or as text where they are of many types."""
    if values.dtype.kind != "O":
        return pa.array(values)
    simple = (str, int, float, np.generic)
    texts = [str(value) if isinstance(value, simple) else type(value).__name__ for value in values]
    return pa.array(texts, pa.large_string())
