"""Log tables from the histories and the instances of a release."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.id_codes import PADDING, IdCodes, Integers
from pipelines.sources.prefix_order import positions, with_targets_appended
from pipelines.sources.released_histories import ReleasedHistories
from pipelines.sources.released_instances import FINE, NEGATIVES, PROBLEMS, ReleasedInstances
from sesrec_tf.data import log_tables
from sesrec_tf.data.log_chunk import CHUNK_ROWS, PART_ROWS, REJECTED, ROW, LogChunk, rejection
from sesrec_tf.schema import SPLITS

EVENTS = 0
"""The part of the interactions that has the events; the parts of the splits follow, which have
nothing but the instances that are rejected."""

_NO_INSTANCE = -1
_BESIDE_EVENT = "instance of an event of the histories"


class InstanceNames(NamedTuple):
    """What a release calls the columns of an instance, and the file of its users."""

    user: str
    item: str
    interactions: str
    searches: str
    users: str


class ReleasedEvents:
    """The interactions and the places of the searches.

    - Interactions are the users' items in their order, and a target that comes after all of
      them; the split and the negatives of the instance at that place stand beside it.
    - Timestamps are positions (`order`), such that exactly the interactions and searches that an
      instance counts come before it: see `pipelines.sources.prefix_order`.
    - An instance that contradicts the histories or another instance is rejected under its own
      file; its item stays part of the histories. One that stands beside an event of the histories
      is left out of its file's rows; one that comes after them is counted as the row that it adds.

    Args:
        histories: of the users.
        instances: in the order of the files train, valid, test.
        codes: of users, items and sessions.
        names: for messages.
    """

    def __init__(
        self,
        histories: ReleasedHistories,
        instances: ReleasedInstances,
        codes: tuple[IdCodes, IdCodes, IdCodes],
        names: InstanceNames,
    ) -> None:
        self._users, self._items = codes[0].texts(), codes[1].texts()
        self._names = names
        self._instances = instances
        self._problem = instances.problems(histories)
        usable = np.flatnonzero(self._problem == FINE)
        user, place = instances.user[usable], instances.earlier_interactions[usable]
        last = place == histories.interactions.lengths[user]
        feed = with_targets_appended(
            histories.interactions, user[last], instances.item[usable][last]
        )
        self.histories = replace(histories, interactions=feed)
        parts = (instances.row // PART_ROWS)[usable][~last]
        self._beside: list[int] = np.bincount(parts, minlength=1 + len(SPLITS)).tolist()
        targets = feed.offsets[user] + place
        self._times, self.search_times = positions(
            self.histories, targets, instances.earlier_searches[usable]
        )
        self._instance = np.full(len(feed.codes), _NO_INSTANCE, np.int64)
        self._instance[targets] = usable

    def interactions(self, part: int) -> Iterator[LogChunk]:
        """Chunks of `user_id, item_id, timestamp, split, negative_item_ids`, and `row`."""
        if part == EVENTS:
            for start in range(0, max(1, len(self._times)), CHUNK_ROWS):
                stretch = slice(start, start + CHUNK_ROWS)
                padding = self.histories.interactions.left_out(stretch.start, stretch.stop)
                yield LogChunk(self._rows(stretch), left_out=padding)
        else:
            beside = {_BESIDE_EVENT: self._beside[part]} if self._beside[part] else {}
            yield LogChunk(self._rows(slice(0, 0)), self._rejected(part), beside)

    def user_texts(self, users: Integers) -> pa.Array:
        """Ids of users by code."""
        return self._users.take(pa.array(users))

    def _rows(self, stretch: slice) -> pa.Table:
        feed = self.histories.interactions
        kept = np.flatnonzero(feed.codes[stretch] != PADDING) + stretch.start
        instance = self._instance[kept]
        return pa.table(
            {
                ROW: kept,
                log_tables.USER_ID: self.user_texts(self._user_of[kept]),
                log_tables.ITEM_ID: self._items.take(pa.array(feed.codes[kept])),
                log_tables.TIMESTAMP: self._times[kept],
                log_tables.SPLIT: _NAMES.take(pa.array(self._split_of(instance) + 1)),
                log_tables.NEGATIVE_ITEM_IDS: self._negatives(instance),
            }
        )

    @cached_property
    def _user_of(self) -> Integers:
        return self.histories.interactions.users

    def _split_of(self, instance: Integers) -> npt.NDArray[np.int8]:
        split = np.append(self._instances.split, np.int8(_NO_INSTANCE))
        return split[instance]

    def _negatives(self, instance: Integers) -> pa.LargeListArray:
        evaluated = self._split_of(instance) > 0
        # The negatives have no rows for train.
        rows = instance[evaluated] - np.count_nonzero(self._instances.split == 0)
        items = self._items.take(pa.array(self._instances.negatives[rows].ravel()))
        offsets = np.concatenate([[0], np.cumsum(evaluated * NEGATIVES)])
        return pa.LargeListArray.from_arrays(pa.array(offsets, pa.int64()), items)

    def _rejected(self, part: int) -> pa.Table:
        found = self._instances
        tables = [REJECTED.empty_table()]
        names = self._names._asdict()
        for number, (reason, expected) in enumerate(PROBLEMS, 1):
            wrong = (self._problem == number) & (found.row // PART_ROWS == part)
            places = np.flatnonzero(wrong)
            if len(places):
                tables.append(
                    rejection(
                        found.row[places],
                        reason.format(**names),
                        expected,
                        self._contents(places),
                    )
                )
        return pa.concat_tables(tables).sort_by(ROW)

    def _contents(self, places: Integers) -> pa.Table:
        found, names = self._instances, self._names
        items = found.item[places]
        return pa.table(
            {
                names.user: self._users.take(pa.array(found.user[places])),
                names.item: self._items.take(pa.array(items, mask=items == PADDING)),
                names.interactions: found.earlier_interactions[places],
                names.searches: found.earlier_searches[places],
            }
        )


_NAMES = pa.array(["", *SPLITS], pa.large_string())
