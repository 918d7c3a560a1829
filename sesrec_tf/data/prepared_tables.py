"""The Parquet tables of a prepared data set."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa

from sesrec_tf.data.attributes import Attribute, attribute_frame
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.log_counts import CLICKS, INTERACTIONS, SEARCHES
from sesrec_tf.data.splits import NO_INSTANCE, SplitAssignment
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.schema import FIRST_KNOWN, SPLITS


def item_table(vocabularies: Vocabularies, attributes: list[Attribute]) -> pa.Table:
    """Attributes, `count` (training interactions, 0 for items only clicked) and `clicks`."""
    frame, counts = attribute_frame(attributes), vocabularies.counts
    code = vocabularies.items.code
    frame["count"] = _by_index(counts.count("items", INTERACTIONS)[code])
    frame["clicks"] = _by_index(counts.count("items", CLICKS)[code])
    return _table(frame)


def user_table(vocabularies: Vocabularies, attributes: list[Attribute]) -> pa.Table:
    """Attributes and `count`, training interactions."""
    frame = attribute_frame(attributes)
    interactions = vocabularies.counts.count("users", INTERACTIONS)
    frame["count"] = _by_index(interactions[vocabularies.users.code])
    return _table(frame)


def query_table(vocabularies: Vocabularies) -> pa.Table:
    """Distinct query texts of the training searches, most frequent first.

    Columns `text`, `query` (index; 1 below the least count), `words` (`L` indices, 0 at padding)
    and `count` (training sessions).
    """
    counts = vocabularies.counts.count("queries", SEARCHES)
    code = np.argsort(-counts, kind="stable")
    code = code[counts[code] > 0]
    words = pa.array(vocabularies.query_words[code].ravel())
    return pa.table(
        {
            "text": vocabularies.counts.distinct("queries").take(pa.array(code)),
            "query": vocabularies.queries.index[code],
            "words": pa.FixedSizeListArray.from_arrays(words, vocabularies.shape.query_words),
            "count": counts[code],
        }
    )


def interaction_table(log: EventLog, indexed: IndexedLog, splits: SplitAssignment) -> pa.Table:
    """All interactions in (user, event) order; `split` is "" where there is no record."""
    events = log.interactions
    names = pa.array(["", *SPLITS])
    split = np.maximum(splits.instance_split.astype(np.int64), NO_INSTANCE) - NO_INSTANCE
    return pa.table(
        {
            "row": events.row,
            "user_id": _raw(log.users, events.user),
            "item_id": _raw(log.items, events.item),
            "timestamp": events.time,
            "user": indexed.users[events.user],
            "item": indexed.items[events.item],
            "earlier_interactions": events.earlier_interactions,
            "earlier_searches": events.earlier_searches,
            "training": splits.training_interactions,
            "split": _raw(names, split),
        }
    )


def search_table(log: EventLog, indexed: IndexedLog, splits: SplitAssignment) -> pa.Table:
    """All search sessions in (user, event) order, `clicked_items` with every click."""
    events = log.searches
    offsets = pa.array(events.click_offsets)
    clicks = events.clicks
    return pa.table(
        {
            "row": events.row,
            "user_id": _raw(log.users, events.user),
            "session_id": events.session_id,
            "query_text": _raw(log.queries, events.query),
            "source_name": _raw(log.sources, events.source),
            "clicked_item_ids": pa.LargeListArray.from_arrays(
                offsets, log.items.take(pa.array(clicks))
            ),
            "timestamp": events.time,
            "user": indexed.users[events.user],
            "query": indexed.queries[events.query],
            "source": indexed.sources[events.source],
            "clicked_items": pa.LargeListArray.from_arrays(
                offsets, pa.array(indexed.items[clicks])
            ),
            "earlier_interactions": events.earlier_interactions,
            "training": splits.training_searches,
        }
    )


def _by_index(known: Integers) -> Integers:
    return np.concatenate([np.zeros(FIRST_KNOWN, np.int64), known])


def _raw(ids: pa.Array, codes: Integers) -> pa.Array:
    return ids.take(pa.array(codes))


def _table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)
