"""The event log in the index space of the vocabularies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.padded_rows import padded_rows
from sesrec_tf.data.query_words import split_words
from sesrec_tf.schema import HistoryShape

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class IndexedLog:
    """Vocabulary indices by the codes of an event log, 1 where unknown.

    Attributes:
        shape: widths of the records.
        known_items: size of the item vocabulary.
        users, items, queries, sources: index of every code.
        query_words: `[query codes, L]` first words of every query text, 0 at padding.
        clicked_items: `[S, C]` first clicks of every session, 0 at padding.
    """

    shape: HistoryShape
    known_items: int
    users: Indices
    items: Indices
    queries: Indices
    sources: Indices
    query_words: Indices
    clicked_items: Indices

    @classmethod
    def of(cls, log: EventLog, known: KnownIds) -> IndexedLog:
        """Looks up every id of the log."""
        offsets, words = split_words(log.queries)
        items = known.index("items", log.items)
        searches = log.searches
        return cls(
            shape=known.shape,
            known_items=len(known.items),
            users=known.index("users", log.users),
            items=items,
            queries=known.index("queries", log.queries),
            sources=known.index("sources", log.sources),
            query_words=padded_rows(offsets, known.index("words", words), known.shape.query_words),
            clicked_items=padded_rows(
                searches.click_offsets, items[searches.clicks], known.shape.clicks
            ),
        )
