"""Vocabularies from training rows, and the event log in their index space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.query_words import split_words
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.data.splits import SplitAssignment
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.schema import PADDING, HistoryShape

Indices = npt.NDArray[np.int32]


@dataclass(frozen=True)
class TrainingCounts:
    """Occurrences in training rows, by code of the event log.

    Attributes:
        interactions: `[items]` feed interactions with each item.
        clicks: `[items]` search clicks on each item, first `C` clicks of a session.
        user_interactions: `[users]` feed interactions of each user.
        user_searches: `[users]` search sessions of each user.
        queries: `[queries]` sessions with each query text.
        sources: `[sources]` sessions from each source.
    """

    interactions: Integers
    clicks: Integers
    user_interactions: Integers
    user_searches: Integers
    queries: Integers
    sources: Integers

    @classmethod
    def of(cls, log: EventLog, splits: SplitAssignment, max_clicks: int) -> TrainingCounts:
        """Counts the training rows."""
        feed, searches = splits.training_interactions, splits.training_searches
        row, place = _places(log.searches.click_offsets)
        clicks = log.searches.clicks[searches[row] & (place < max_clicks)]
        return cls(
            interactions=_count(log.interactions.item[feed], log.items),
            clicks=_count(clicks, log.items),
            user_interactions=_count(log.interactions.user[feed], log.users),
            user_searches=_count(log.searches.user[searches], log.users),
            queries=_count(log.searches.query[searches], log.queries),
            sources=_count(log.searches.source[searches], log.sources),
        )


@dataclass(frozen=True)
class IndexedLog:
    """The event log with every id replaced by its vocabulary index.

    Attributes:
        shape: widths of the records.
        users, items, queries, words, sources: the vocabularies.
        counts: occurrences in training rows.
        query_words: `[query codes, L]` first words of every query text, 0 at padding.
        clicked_items: `[S, C]` first clicks of every session, 0 at padding.
    """

    shape: HistoryShape
    users: Vocabulary
    items: Vocabulary
    queries: Vocabulary
    words: Vocabulary
    sources: Vocabulary
    counts: TrainingCounts
    query_words: Indices
    clicked_items: Indices

    @classmethod
    def build(cls, log: EventLog, splits: SplitAssignment, options: PrepareOptions) -> IndexedLog:
        """Counts training rows, keeps what is frequent enough, and maps every event."""
        counts = TrainingCounts.of(log, splits, options.max_clicks)
        offsets, texts = split_words(log.queries)
        words, (word_code,) = sorted_codes(texts)
        query, place = _places(offsets)
        kept = place < options.max_words
        weights = counts.queries[query] * kept
        word_counts = np.bincount(word_code, weights=weights, minlength=len(words))
        vocabulary = Vocabulary.from_counts(words, word_counts.astype(np.int64), options.min_count)
        items = Vocabulary.from_counts(
            log.items, counts.interactions + counts.clicks, options.min_count
        )
        trained = np.flatnonzero(splits.training_searches)
        shape = HistoryShape(
            rec_length=options.max_rec,
            search_length=options.max_searches,
            query_words=_width(np.diff(offsets)[counts.queries > 0], options.max_words),
            clicks=_width(np.diff(log.searches.click_offsets)[trained], options.max_clicks),
        )
        sources = counts.sources * pc.not_equal(log.sources, "").to_numpy(zero_copy_only=False)
        return cls(
            shape=shape,
            users=Vocabulary.from_counts(
                log.users, counts.user_interactions + counts.user_searches
            ),
            items=items,
            queries=Vocabulary.from_counts(log.queries, counts.queries, options.min_count),
            words=vocabulary,
            sources=Vocabulary.from_counts(log.sources, sources),
            counts=counts,
            query_words=_matrix(offsets, vocabulary.index[word_code], shape.query_words),
            clicked_items=_matrix(
                log.searches.click_offsets, items.index[log.searches.clicks], shape.clicks
            ),
        )


def _count(codes: Integers, ids: pa.Array) -> Integers:
    return np.bincount(codes, minlength=len(ids))


def _width(lengths: Integers, limit: int) -> int:
    """What training rows hold, at most `limit` and at least 1."""
    return max(1, min(limit, int(lengths.max(initial=0))))


def _places(offsets: Integers) -> tuple[Integers, Integers]:
    """Row of every value of a ragged array, and its place within the row from 0."""
    lengths = np.diff(offsets)
    row = np.repeat(np.arange(len(lengths)), lengths)
    return row, np.arange(len(row)) - offsets[row]


def _matrix(offsets: Integers, values: Indices, width: int) -> Indices:
    """The first `width` values of every row, padded on the right."""
    row, place = _places(offsets)
    matrix = np.full((len(offsets) - 1, width), PADDING, np.int32)
    kept = place < width
    matrix[row[kept], place[kept]] = values[kept]
    return matrix
