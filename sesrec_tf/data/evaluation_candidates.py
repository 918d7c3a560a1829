"""Frozen negatives of the validation and test instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN

_CHUNK_CELLS = 1 << 21
_DRAWS_PER_NEGATIVE = 4


@dataclass(frozen=True)
class UserItems:
    """The known items that each user interacted with or clicked, anywhere in the log.

    Attributes:
        offsets: `[users + 1]` by user code.
        items: known items from 0 (index minus 2), ascending within a user, none twice.
    """

    offsets: Integers
    items: Integers

    @classmethod
    def of(cls, log: EventLog, indexed: IndexedLog) -> UserItems:
        """Collects interactions and all clicks, before and after whatever target."""
        searches = log.searches
        clicking = np.repeat(searches.user, np.diff(searches.click_offsets))
        user = np.concatenate([log.interactions.user, clicking])
        item = indexed.items[np.concatenate([log.interactions.item, searches.clicks])]
        known = item >= FIRST_KNOWN
        key = user[known] * indexed.known_items + (item[known] - FIRST_KNOWN)
        # Several times as fast as `np.unique`, which hashes.
        key.sort()
        distinct = key[np.flatnonzero(np.diff(key, prepend=-1))]
        user, item = np.divmod(distinct, max(indexed.known_items, 1))
        counts = np.bincount(user, minlength=len(log.users))
        return cls(offsets=np.concatenate([[0], np.cumsum(counts)]), items=item)

    def pairs(self, users: Integers) -> tuple[Integers, Integers]:
        """Place in `users`, and item, of every item of those users; sorted by both."""
        lengths = np.diff(self.offsets)[users]
        place = np.repeat(np.arange(len(users)), lengths)
        before = np.cumsum(lengths) - lengths
        source = np.arange(len(place)) + (self.offsets[users] - before)[place]
        return place, self.items[source]


@dataclass(frozen=True)
class CandidateSampler:
    """Draws negatives without replacement, none of them an item of the user.

    Draw k of an instance is a hash of (seed, instance, k), so the negatives of an instance depend
    on nothing else than the seed, the weights and the user's items: neither on the order of the
    instances nor on how they are divided over shards. Each draw picks an item in proportion to
    its weight; repeated and forbidden items are passed over, which is drawing one after another
    without replacement. What a bounded number of draws leaves open is completed by an exponential
    race, which has the same distribution (Efraimidis and Spirakis, 2006).

    Attributes:
        weights: `[items]` of the known items, in vocabulary order; 0 is never drawn.
        user_items: what is forbidden.
        num_negatives: drawn an instance.
        seed: as named.
        user_ids: raw ids by user code, for messages.
    """

    weights: npt.NDArray[np.int64]
    user_items: UserItems
    num_negatives: int
    seed: int
    user_ids: pa.Array

    def draw(self, users: Integers, instances: Integers) -> Integers:
        """The negatives of some instances.

        Args:
            users: `[N]` user codes.
            instances: `[N]` row numbers of the target interactions.

        Returns:
            `[N, num_negatives]` int64 item indices (from 2), in the order of drawing.

        Raises:
            InputError: if a user leaves fewer items to draw from than are wanted.
        """
        self._require_enough_items(users)
        negatives = np.empty((len(users), self.num_negatives), np.int64)
        step = max(1, _CHUNK_CELLS // (_DRAWS_PER_NEGATIVE * self.num_negatives))
        for start in range(0, len(users), step):
            part = slice(start, start + step)
            negatives[part] = self._draw_chunk(users[part], instances[part])
        return negatives + FIRST_KNOWN

    def _draw_chunk(self, users: Integers, instances: Integers) -> Integers:
        # Few draws complete most instances; the rest get more, from the same sequence.
        few = self.num_negatives * 5 // 4 + 8
        negatives, found = self._by_rejection(users, instances, few)
        rows = np.flatnonzero(found < self.num_negatives)
        many = _DRAWS_PER_NEGATIVE * self.num_negatives
        negatives[rows], found[rows] = self._by_rejection(users[rows], instances[rows], many)
        rows = np.flatnonzero(found < self.num_negatives)
        step = max(1, _CHUNK_CELLS // max(1, len(self.weights)))
        for start in range(0, len(rows), step):
            part = rows[start : start + step]
            negatives[part] = self._by_race(users[part], instances[part], negatives[part])
        return negatives

    def _by_rejection(
        self, users: Integers, instances: Integers, draws: int
    ) -> tuple[Integers, Integers]:
        """Negatives `[N, num_negatives]`, -1 where still open, and how many were found `[N]`."""
        items = self._items_at(self._uniform(instances, np.arange(draws)))
        place, item = self.user_items.pairs(users)
        size = len(self.weights)
        forbidden = _is_among(items + (np.arange(len(users)) * size)[:, None], place * size + item)
        accepted = ~forbidden & _first_in_row(items)
        rank = np.cumsum(accepted, axis=1)
        accepted &= rank <= self.num_negatives
        negatives = np.full((len(users), self.num_negatives), -1, np.int64)
        row, column = np.nonzero(accepted)
        negatives[row, rank[row, column] - 1] = items[row, column]
        return negatives, accepted.sum(axis=1)

    def _by_race(self, users: Integers, instances: Integers, found: Integers) -> Integers:
        """Completes `found`: the items with the smallest Exp(weight) arrival times come next."""
        size = len(self.weights)
        uniform = self._uniform(instances, np.arange(size) + (1 << 40))
        with np.errstate(divide="ignore"):
            arrival = -np.log1p(-uniform) / self.weights
        arrival[:, self.weights == 0] = np.inf
        arrival[self.user_items.pairs(users)] = np.inf
        row, column = np.nonzero(found >= 0)
        # Already drawn: keep them first, in the order of drawing.
        arrival[row, found[row, column]] = column - float(self.num_negatives)
        order = np.argsort(arrival, axis=1, kind="stable")
        return order[:, : self.num_negatives]

    def _items_at(self, uniform: npt.NDArray[np.float64]) -> Integers:
        """The items in whose share of the total weight the numbers in [0, 1) fall."""
        ends = np.cumsum(self.weights)
        ticket = (uniform * ends[-1]).astype(np.int64)
        return np.searchsorted(ends, ticket, side="right")

    def _uniform(self, instances: Integers, draws: Integers) -> npt.NDArray[np.float64]:
        """`[N, draws]` numbers in [0, 1): SplitMix64 of (seed, instance, draw)."""
        key = _mix(_mix(np.array([self.seed % 2**64], np.uint64)) ^ instances.astype(np.uint64))
        bits = _mix(key[:, None] + _mix(draws.astype(np.uint64))[None, :])
        return (bits >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def _require_enough_items(self, users: Integers) -> None:
        drawable = self.weights > 0
        own = np.concatenate([[0], np.cumsum(drawable[self.user_items.items])])
        left = drawable.sum() - np.diff(own[self.user_items.offsets])[users]
        least = int(left.min(initial=self.num_negatives))
        if least < self.num_negatives:
            user = self.user_ids[int(users[np.argmin(left)])].as_py()
            advice = f"Choose `--num-negatives` of at most {least}, leave" if least else "Leave"
            raise InputError(
                f"too few items for `--num-negatives {self.num_negatives}`: the vocabulary has "
                f"{len(self.weights):,} items, {int(drawable.sum()):,} of them drawable, and user "
                f"{user!r} leaves only {least:,} that they never met. {advice} such users out of "
                "the logs, or give logs of more items."
            )


def _is_among(values: Integers, ascending: Integers) -> npt.NDArray[np.bool_]:
    """Several times as fast as `np.isin`, which does not know that the second are sorted."""
    if len(ascending) == 0:
        return np.zeros(values.shape, np.bool_)
    place = np.searchsorted(ascending, values)
    return ascending[np.minimum(place, len(ascending) - 1)] == values


def _first_in_row(values: Integers) -> npt.NDArray[np.bool_]:
    """True where a value stands for the first time in its row."""
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    fresh = np.ones(values.shape, np.bool_)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    first = np.empty(values.shape, np.bool_)
    np.put_along_axis(first, order, fresh, axis=1)
    return first


def _mix(values: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """One step of SplitMix64 (Steele, Lea and Flood, 2014); arithmetic modulo 2^64."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
