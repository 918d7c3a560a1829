"""Ranking instances: a target interaction and the events that come before it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf import schema
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog


@dataclass(frozen=True)
class InstanceBuilder:
    """Builds records by the prefix rule: a history is what comes strictly before the target.

    Events are stored in (user, event) order, so the prefix of a target is the stretch of its
    user's events that ends where the target's counts of earlier events say, and the history is
    the last `T_r` or `T_s` of that stretch.

    Attributes:
        log: both logs.
        indexed: the same in index space.
    """

    log: EventLog
    indexed: IndexedLog

    def build(self, targets: Integers, negatives: Integers | None = None) -> pa.RecordBatch:
        """The records of some targets.

        Args:
            targets: `[N]` places among the ordered interactions.
            negatives: `[N, M]` item indices put after the positive, or `None`.

        Returns:
            `N` rows of list<int64> columns, named and sized as `schema.record_widths` says.
        """
        feed = self.log.interactions
        earlier = feed.earlier_interactions[targets]
        searches = feed.earlier_searches[targets]
        rec, rec_lengths = _windows(targets, earlier, self.indexed.shape.rec_length)
        search_ends = self.log.first_search[feed.user[targets]] + searches
        sessions, lengths = _windows(search_ends, searches, self.indexed.shape.search_length)
        candidates = self.indexed.items[feed.item[targets]][:, None]
        if negatives is not None:
            candidates = np.concatenate([candidates, negatives], axis=1)
        ones = np.ones_like(targets)
        width = np.full_like(targets, candidates.shape[1])
        columns: dict[str, tuple[npt.NDArray[Any], Integers]] = {
            schema.INSTANCE: (feed.row[targets], ones),
            schema.USER: (self.indexed.users[feed.user[targets]], ones),
            schema.EARLIER_INTERACTIONS: (earlier, ones),
            schema.EARLIER_SEARCHES: (searches, ones),
            schema.REC_ITEMS: (self.indexed.items[feed.item[rec]], rec_lengths),
            schema.REC_TIMES: (feed.time[rec], rec_lengths),
            **self._session_columns(sessions, lengths),
            schema.CANDIDATES: (candidates.ravel(), width),
        }
        arrays = [_list_array(values, counts) for values, counts in columns.values()]
        return pa.RecordBatch.from_arrays(arrays, names=list(columns))

    def batches(
        self, targets: Integers, negatives: Integers | None, size: int
    ) -> Iterator[pa.RecordBatch]:
        """`build` for `size` targets at a time."""
        for start in range(0, len(targets), size):
            part = slice(start, start + size)
            yield self.build(targets[part], None if negatives is None else negatives[part])

    def _session_columns(
        self, sessions: Integers, lengths: Integers
    ) -> dict[str, tuple[npt.NDArray[Any], Integers]]:
        log, indexed, shape = self.log.searches, self.indexed, self.indexed.shape
        words = indexed.query_words[log.query[sessions]]
        return {
            schema.QUERIES: (indexed.queries[log.query[sessions]], lengths),
            schema.QUERY_WORDS: (words.ravel(), lengths * shape.query_words),
            schema.QUERY_SOURCES: (indexed.sources[log.source[sessions]], lengths),
            schema.QUERY_TIMES: (log.time[sessions], lengths),
            schema.CLICKED_ITEMS: (
                indexed.clicked_items[sessions].ravel(),
                lengths * shape.clicks,
            ),
        }


def _windows(ends: Integers, available: Integers, limit: int) -> tuple[Integers, Integers]:
    """Places of the last `min(available, limit)` events before each end, oldest first."""
    lengths = np.minimum(available, limit)
    before = np.cumsum(lengths) - lengths
    places = np.arange(lengths.sum()) + np.repeat(ends - lengths - before, lengths)
    return places, lengths


def _list_array(values: npt.NDArray[Any], lengths: Integers) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    flat = pa.array(values.astype(np.int64, copy=False))
    return pa.ListArray.from_arrays(pa.array(offsets), flat)
