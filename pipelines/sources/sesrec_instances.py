"""Instances of the SESRec package, from its three tab-separated files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import PADDING, IdCodes, Integers
from pipelines.sources.released_instances import NEGATIVES, ReleasedInstances
from pipelines.sources.sesrec_tsv import (
    COLUMNS,
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

_INCOMPLETE = (
    f"label: the rows of an instance are not 1 positive and {NEGATIVES} negatives",
    f"{1 + NEGATIVES} rows of one u_id, rec_his and src_his in a row, one of them of label 1",
)
_NOT_APART = ("i_id: a negative is the positive, or padding", "other items than the positive")

_NEGATIVE = "negative of an instance"
_OF_REJECTED = "row of a rejected instance, beside its first"


class _Found(NamedTuple):
    instances: ReleasedInstances
    rejected: pa.Table
    left_out: Mapping[str, int]


class SesrecInstances:
    """The instances of all files, and the rows that make none.

    - Lines that cannot be read are rejected, each by itself.
    - train: every row of label 1 is an instance; negatives there are not kept.
    - valid, test: an instance is a run of consecutive rows of one user, `rec_his` and `src_his`,
      one of them of label 1 and 99 of other items; no two instances have all three in common, for
      they would be one target. A run that is anything else is rejected as one row, its first, so
      that a missing line costs no instance but its own.

    Args:
        paths: of train, valid and test, in this order.
        users, items: codes of ids, extended by those of the files.

    Attributes:
        instances: as listed.
        rejected: by part, 1 for train, as `REJECTED` says.
        left_out: by part, the other rows that are no instances, as in `LogChunk`.

    Raises:
        InputError: if a file is missing or cut short, or lacks a column.
    """

    def __init__(self, paths: list[Path], users: IdCodes, items: IdCodes) -> None:
        self._users, self._items = users, items
        self.rejected: dict[int, pa.Table] = {}
        self.left_out: dict[int, Mapping[str, int]] = {}
        instances = [_none()]
        for part, path in enumerate(paths, 1):
            rejected = [REJECTED.empty_table()]
            left_out: Counter[str] = Counter()
            for found in self._read(path, part):
                instances.append(found.instances)
                rejected.append(found.rejected)
                left_out.update(found.left_out)
            self.rejected[part] = pa.concat_tables(rejected).sort_by(ROW)
            self.left_out[part] = {reason: count for reason, count in left_out.items() if count}
        self.instances = ReleasedInstances.joined(instances)

    def _read(self, path: Path, part: int) -> Iterator[_Found]:
        rest: pa.Table | None = None
        for rows in SesrecTsv(path).rows():
            rows = rows.set_column(0, ROW, pc.add(rows[ROW], part * PART_ROWS))
            fine = pc.equal(rows[PROBLEM], FINE)
            yield _Found(_none(), _unreadable(rows.filter(pc.invert(fine))), {})
            rows = rows.filter(fine)
            if part == 1:
                yield self._positives(rows.combine_chunks())
                continue
            rows = rows if rest is None else pa.concat_tables([rest, rows])
            # The last run may go on.
            last = self._runs(rows)[-1] if len(rows) else 0
            rest = rows.slice(last)
            yield self._blocks(rows.slice(0, last).combine_chunks())
        if rest is not None:
            yield self._blocks(rest.combine_chunks())

    def _positives(self, rows: pa.Table) -> _Found:
        positive = rows.filter(pc.equal(rows[LABEL], 1))
        instances = self._instances(positive, np.zeros((0, NEGATIVES), np.int64))
        left_out = {_NEGATIVE: len(rows) - len(positive)}
        return _Found(instances, REJECTED.empty_table(), left_out)

    def _runs(self, rows: pa.Table) -> npt.NDArray[np.intp]:
        """Where each run begins."""
        keys = (self._users.codes(rows[IDS[0]].combine_chunks()), *_counts(rows))
        begins = np.ones(len(rows), np.bool_)
        begins[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
        return np.flatnonzero(begins)

    def _blocks(self, rows: pa.Table) -> _Found:
        """The instances of whole runs."""
        first = self._runs(rows)
        size = np.diff(first, append=len(rows))
        label = rows[LABEL].to_numpy()
        of_run = np.repeat(np.arange(len(first)), size)
        positives = np.bincount(of_run[label == 1], minlength=len(first))
        complete = (positives == 1) & (size == 1 + NEGATIVES)
        places = first[complete][:, None] + np.arange(1 + NEGATIVES)
        positive = label[places] == 1
        items = self._items.codes(rows[IDS[1]].combine_chunks())[places]
        negatives = items[~positive].reshape(-1, NEGATIVES)
        apart = (negatives != PADDING) & (negatives != items[positive][:, None])
        fine = apart.all(axis=1)
        instances = self._instances(rows.take(pa.array(places[positive][fine])), negatives[fine])
        wrong = rows.select(COLUMNS).append_column("positives", pa.array(positives[of_run]))
        wrong = wrong.append_column("negatives", pa.array((size - positives)[of_run]))
        row = rows[ROW].to_numpy()
        rejected = [
            rejection(row[places], *problem, wrong.take(pa.array(places)))
            for problem, places in (
                (_INCOMPLETE, first[~complete]),
                (_NOT_APART, first[complete][~fine]),
            )
        ]
        whole = NEGATIVES * len(negatives[fine])
        others = len(rows) - len(instances.row) - whole - sum(map(len, rejected))
        left_out = {_NEGATIVE: whole, _OF_REJECTED: others}
        return _Found(instances, pa.concat_tables(rejected), left_out)

    def _instances(self, rows: pa.Table, negatives: Integers) -> ReleasedInstances:
        user, item = (rows[name].combine_chunks() for name in IDS)
        codes = self._users.codes(user), self._items.codes(item)
        interactions, searches = _counts(rows)
        row = rows[ROW].to_numpy()
        return ReleasedInstances(row, *codes, interactions, searches, negatives)


def _counts(rows: pa.Table) -> list[Integers]:
    return [rows[name].to_numpy() for name in COUNTS]


def _unreadable(rows: pa.Table) -> pa.Table:
    """The rows, each for its own problem."""
    number, row, line = (rows[name].to_numpy() for name in (PROBLEM, ROW, LINE))
    tables = [REJECTED.empty_table()]
    for each in np.unique(number):
        kind = number == each
        reason, expected = PROBLEMS[each - 1]
        tables.append(rejection(row[kind], reason, expected, line[kind].tolist()))
    return pa.concat_tables(tables)


def _none() -> ReleasedInstances:
    empty = np.zeros(0, np.int64)
    return ReleasedInstances(empty, empty, empty, empty, empty, np.zeros((0, NEGATIVES), np.int64))
