"""The vocabularies of a log, from what was counted of all its users."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.log_counts import (
    CLICKS,
    INTERACTIONS,
    SEARCHES,
    LogCounts,
)
from sesrec_tf.data.padded_rows import padded_rows, rows_and_places
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.query_words import split_words
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.schema import HistoryShape

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Vocabularies:
    """Which ids are known, and the widths of the records.

    Attributes:
        counts: of all users; the codes of a vocabulary are places among its ids.
        shape: widths of the records.
        users, items, queries, words, sources: the vocabularies.
        query_words: `[queries, L]` first words of every query text, 0 at padding.
    """

    counts: LogCounts
    shape: HistoryShape
    users: Vocabulary
    items: Vocabulary
    queries: Vocabulary
    words: Vocabulary
    sources: Vocabulary
    query_words: Indices

    @classmethod
    def of(cls, counts: LogCounts, options: PrepareOptions) -> Vocabularies:
        """Keeps what occurs often enough in training rows; users and sources once."""
        texts, sessions = counts.distinct("queries"), counts.count("queries", SEARCHES)
        offsets, flat = split_words(texts)
        distinct, (word_code,) = sorted_codes(flat)
        query, place = rows_and_places(offsets)
        weights = sessions[query] * (place < options.max_words)
        word_counts = np.bincount(word_code, weights=weights, minlength=len(distinct))
        words = Vocabulary.from_counts(distinct, word_counts.astype(np.int64), options.min_count)
        shape = HistoryShape(
            rec_length=options.max_rec,
            search_length=options.max_searches,
            query_words=_width(np.diff(offsets)[sessions > 0].max(initial=0), options.max_words),
            clicks=_width(counts.most_clicks, options.max_clicks),
        )
        item_counts = counts.count("items", INTERACTIONS) + counts.count("items", CLICKS)
        user_counts = counts.count("users", INTERACTIONS) + counts.count("users", SEARCHES)
        sources = counts.distinct("sources")
        named = pc.not_equal(sources, "").to_numpy(zero_copy_only=False)
        return cls(
            counts=counts,
            shape=shape,
            users=Vocabulary.from_counts(counts.distinct("users"), user_counts),
            items=Vocabulary.from_counts(counts.distinct("items"), item_counts, options.min_count),
            queries=Vocabulary.from_counts(texts, sessions, options.min_count),
            words=words,
            sources=Vocabulary.from_counts(sources, counts.count("sources", SEARCHES) * named),
            query_words=padded_rows(offsets, words.index[word_code], shape.query_words),
        )

    def known_ids(self) -> KnownIds:
        """What building records needs of them."""
        return KnownIds(
            shape=self.shape,
            users=self.users.ids,
            items=self.items.ids,
            queries=self.queries.ids,
            words=self.words.ids,
            sources=self.sources.ids,
            item_interactions=self.counts.count("items", INTERACTIONS)[self.items.code],
        )


def _width(longest: int, limit: int) -> int:
    """What training rows hold, at most `limit` and at least 1."""
    return max(1, min(limit, int(longest)))
