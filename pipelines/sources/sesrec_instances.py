"""Instances of the SESRec package, from its three tab-separated files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import PADDING, IdCodes, Integers
from pipelines.sources.released_instances import NEGATIVES, ReleasedInstances
from pipelines.sources.sesrec_tsv import (
    COUNTS,
    FINE,
    IDS,
    LABEL,
    LINE,
    PROBLEM,
    PROBLEMS,
    SesrecTsv,
)
from sesrec_tf.data.log_chunk import PART_ROWS, REJECTED, ROW, rejection

BLOCK = 1 + NEGATIVES
"""Consecutive rows of an instance of valid and test."""

_BLOCK_PROBLEM = (
    f"label: the block of {BLOCK} rows is not one instance",
    f"one positive and {NEGATIVES} other items of one user, rec_his and src_his",
)


class SesrecInstances:
    """The instances of all files, and the rows that make none.

    - train: every row of label 1; negatives there are not kept.
    - valid, test: each block of 100 consecutive rows, blank lines not counted, that has one row
      of label 1, and one user, `rec_his` and `src_his`. A block that is anything else is
      rejected as one row: its first one that cannot be read, or else its first.

    Args:
        paths: of train, valid and test, in this order.
        users, items: codes of ids, extended by those of the files.

    Attributes:
        instances: as listed.
        rejected: by part, 1 for train, as `REJECTED` says.

    Raises:
        InputError: if a file is missing or cut short, or lacks a column.
    """

    def __init__(self, paths: list[Path], users: IdCodes, items: IdCodes) -> None:
        self._users, self._items = users, items
        self.rejected: dict[int, pa.Table] = {}
        found = []
        for part, path in enumerate(paths, 1):
            size = 1 if part == 1 else BLOCK
            rejected = [REJECTED.empty_table()]
            for rows in _whole_blocks(SesrecTsv(path).rows(), size):
                numbers = pc.add(rows[ROW], part * PART_ROWS)
                rows = rows.set_column(0, ROW, numbers).combine_chunks()
                take = self._positives if part == 1 else self._blocks
                instances, wrong = take(rows)
                found.append(instances)
                rejected.append(wrong)
            self.rejected[part] = pa.concat_tables(rejected).sort_by(ROW)
        self.instances = ReleasedInstances.joined([_none(), *found])

    def _positives(self, rows: pa.Table) -> tuple[ReleasedInstances, pa.Table]:
        problem, label = rows[PROBLEM].to_numpy(), rows[LABEL].to_numpy()
        positive = rows.filter(pa.array((problem == FINE) & (label == 1)))
        negatives = np.zeros((0, NEGATIVES), np.int64)
        return self._instances(positive, negatives), _rejections(rows, np.flatnonzero(problem))

    def _blocks(self, rows: pa.Table) -> tuple[ReleasedInstances, pa.Table]:
        count = -(-len(rows) // BLOCK)
        first = np.arange(count) * BLOCK
        if len(rows) % BLOCK:
            return _none(), _rejections(rows, first)
        problem, label, *same = (
            rows[name].to_numpy().reshape(count, BLOCK) for name in (PROBLEM, LABEL, *COUNTS)
        )
        user, item = (codes.reshape(count, BLOCK) for codes in self._codes(rows))
        positive = first + label.argmax(axis=1)
        others = np.where(label == 1, PADDING - 1, item)
        fine = (problem == FINE).all(axis=1) & (label.sum(axis=1) == 1)
        fine &= (others != PADDING).all(axis=1)
        fine &= (others != item.ravel()[positive][:, None]).all(axis=1)
        for values in (user, *same):
            fine &= (values == values[:, :1]).all(axis=1)
        negatives = item[fine][label[fine] == 0].reshape(-1, NEGATIVES)
        named = first + (problem != FINE).argmax(axis=1)
        instances = self._instances(rows.take(pa.array(positive[fine])), negatives)
        return instances, _rejections(rows, named[~fine])

    def _codes(self, rows: pa.Table) -> tuple[Integers, Integers]:
        user, item = (rows[name].combine_chunks() for name in IDS)
        return self._users.codes(user), self._items.codes(item)

    def _instances(self, rows: pa.Table, negatives: Integers) -> ReleasedInstances:
        user, item = self._codes(rows)
        interactions, searches = (rows[name].to_numpy() for name in COUNTS)
        row = rows[ROW].to_numpy()
        return ReleasedInstances(row, user, item, interactions, searches, negatives)


def _whole_blocks(tables: Iterator[pa.Table], size: int) -> Iterator[pa.Table]:
    """The same rows in tables of whole blocks; the last rows may be less than a block."""
    rest = next(tables)
    for table in tables:
        whole = len(rest) - len(rest) % size
        yield rest.slice(0, whole)
        rest = pa.concat_tables([rest.slice(whole), table])
    whole = len(rest) - len(rest) % size
    yield rest.slice(0, whole)
    if whole < len(rest):
        yield rest.slice(whole)


def _rejections(rows: pa.Table, places: npt.NDArray[np.intp]) -> pa.Table:
    """The rows at these places, each for its own problem or for that of its block."""
    wrong = rows.take(pa.array(places))
    number, row, line = (wrong[name].to_numpy() for name in (PROBLEM, ROW, LINE))
    tables = [REJECTED.empty_table()]
    for each in np.unique(number):
        reason, expected = _BLOCK_PROBLEM if each == FINE else PROBLEMS[each - 1]
        tables.append(
            rejection(row[number == each], reason, expected, line[number == each].tolist())
        )
    return pa.concat_tables(tables)


def _none() -> ReleasedInstances:
    empty = np.zeros(0, np.int64)
    return ReleasedInstances(empty, empty, empty, empty, empty, np.zeros((0, NEGATIVES), np.int64))
