"""Ranking instances that a release lists: targets, and how much of each history precedes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from pipelines.sources.id_codes import PADDING, Integers
from pipelines.sources.released_histories import ReleasedHistories
from sesrec_tf.data.log_chunk import PART_ROWS

NEGATIVES = 99
"""Frozen negatives of an instance of valid and test."""

FINE = 0


@dataclass(frozen=True)
class ReleasedInstances:
    """Instances in the order of their rows.

    Attributes:
        row: `[N]` numbers of rows; part 1 is train, 2 is valid, 3 is test.
        user, item: `[N]` codes.
        earlier_interactions, earlier_searches: `[N]` how many events of each list, from its
            beginning, precede the target.
        negatives: `[V, 99]` codes of items, of the instances of valid and test in their order.
    """

    row: Integers
    user: Integers
    item: Integers
    earlier_interactions: Integers
    earlier_searches: Integers
    negatives: Integers

    @classmethod
    def joined(cls, parts: Sequence[ReleasedInstances]) -> ReleasedInstances:
        """The instances of several files, train first."""
        return cls(
            *(np.concatenate([getattr(part, each.name) for part in parts]) for each in fields(cls))
        )

    @property
    def split(self) -> npt.NDArray[np.int8]:
        """`[N]` indices into `SPLITS`."""
        return (self.row // PART_ROWS - 1).astype(np.int8)

    def problems(self, histories: ReleasedHistories) -> npt.NDArray[np.int8]:
        """`[N]` what is wrong with each instance, `FINE` or 1 + an index into `PROBLEMS`.

        Each is named by the first problem that it has.
        """
        problem = np.full(len(self.row), FINE, np.int8)
        # One user more, without events, for all who are unknown.
        interactions = np.append(histories.interactions.lengths, 0)
        searches = np.append(histories.searches.lengths, 0)
        user = np.minimum(self.user, len(interactions) - 1)
        checks = (
            self.user < len(interactions) - 1,
            self.earlier_interactions <= interactions[user],
            self.earlier_searches <= searches[user],
            self._follows(histories),
        )
        for number, fine in enumerate(checks, 1):
            problem[(problem == FINE) & ~fine] = number
        problem[self._stand_again(problem)] = len(checks) + 1
        problem[self._have_fewer_searches(problem)] = len(checks) + 2
        return problem

    def _follows(self, histories: ReleasedHistories) -> npt.NDArray[np.bool_]:
        """`[N]` whether the item is the next of the history, or comes after all of it."""
        events = histories.interactions
        user = np.minimum(self.user, len(events.lengths))
        begin, end = events.offsets[user], np.append(events.offsets[1:], 0)[user]
        place = begin + self.earlier_interactions
        # One item more, for a place after the last event.
        items = np.append(events.codes, PADDING)
        next_item = items[np.minimum(place, len(events.codes))]
        return (self.item != PADDING) & ((place >= end) | (next_item == self.item))

    def _stand_again(self, problem: npt.NDArray[np.int8]) -> Integers:
        """Instances at the place of an earlier row."""
        fine = np.flatnonzero(problem == FINE)
        order = fine[np.lexsort((self.row[fine], self.earlier_interactions[fine], self.user[fine]))]
        user, place = self.user[order], self.earlier_interactions[order]
        return order[1:][(user[1:] == user[:-1]) & (place[1:] == place[:-1])]

    def _have_fewer_searches(self, problem: npt.NDArray[np.int8]) -> Integers:
        """Instances with fewer earlier searches than one at an earlier place of their user."""
        fine = np.flatnonzero(problem == FINE)
        order = fine[np.lexsort((self.earlier_interactions[fine], self.user[fine]))]
        searches = self.earlier_searches[order]
        # A user's own maximum: every user's counts lie above those of the users before.
        height = searches.max(initial=0) + 1
        raised = self.user[order] * height + searches
        return order[raised < np.maximum.accumulate(raised)]


PROBLEMS = (
    ("{user} is not in {users}", "a user of the file"),
    ("{interactions} goes beyond the user's interactions", "at most their number"),
    ("{searches} goes beyond the user's searches", "at most their number"),
    (
        "{item} is not the interaction that follows the first {interactions}",
        "the item at that place of the user's interactions",
    ),
    (
        "{interactions} is that of an earlier row",
        "one target at each place of the user's interactions",
    ),
    (
        "{searches} is less than at an earlier place",
        "no fewer earlier searches than an earlier target of the user has",
    ),
)
"""What can be wrong with an instance, in the names of the columns, and what should be."""
