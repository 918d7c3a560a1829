"""Records of a prepared data set as dense batches."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    EARLIER_INTERACTIONS,
    EARLIER_SEARCHES,
    INSTANCE,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    USER,
    HistoryShape,
)

Tensor = Any

_SCALARS = (INSTANCE, USER, EARLIER_INTERACTIONS, EARLIER_SEARCHES)


def parse_batch(
    serialized: Tensor, stored: HistoryShape, history: HistoryShape, candidates: int
) -> dict[str, Tensor]:
    """Parses a batch of records at once.

    Args:
        serialized: strings `[B]`, each a `tf.Example` as in `schema.record_widths`.
        stored: widths the records were written with.
        history: widths of the batch; the most recent events, first words and first clicks count.
        candidates: values of the `candidates` feature of every record.

    Returns:
        The batch of `schema.batch_shapes` (int32), `candidates` as recorded, and int64 `[B]`
        `instance`, `earlier_interactions` and `earlier_searches`.
    """
    parsed = tf.io.parse_example(
        serialized,
        {
            **{name: tf.io.FixedLenFeature([], tf.int64) for name in _SCALARS},
            CANDIDATES: tf.io.FixedLenFeature([candidates], tf.int64),
            **{
                name: tf.io.RaggedFeature(tf.int64)
                for name in (REC_ITEMS, QUERIES, QUERY_WORDS, QUERY_SOURCES, CLICKED_ITEMS)
            },
        },
    )
    searches = history.search_length
    words = _recent(parsed[QUERY_WORDS], searches, stored.query_words)
    clicks = _recent(parsed[CLICKED_ITEMS], searches, stored.clicks)
    batch = {
        USER: parsed[USER],
        REC_ITEMS: _recent(parsed[REC_ITEMS], history.rec_length, 1)[..., 0],
        QUERIES: _recent(parsed[QUERIES], searches, 1)[..., 0],
        QUERY_WORDS: _fit(words, history.query_words),
        QUERY_SOURCES: _recent(parsed[QUERY_SOURCES], searches, 1)[..., 0],
        CLICKED_ITEMS: _fit(clicks, history.clicks),
        CANDIDATES: parsed[CANDIDATES],
    }
    batch = {name: tf.cast(value, tf.int32) for name, value in batch.items()}
    return batch | {
        name: parsed[name] for name in (INSTANCE, EARLIER_INTERACTIONS, EARLIER_SEARCHES)
    }


def _recent(values: Tensor, length: int, width: int) -> Tensor:
    """The last `length` events of ragged `[B, (n × width)]` as dense `[B, length, width]`."""
    recent = values[:, -length * width :].to_tensor(shape=[None, length * width])
    return tf.reshape(recent, [-1, length, width])


def _fit(values: Tensor, width: int) -> Tensor:
    """Cuts or zero-pads the last axis to `width`."""
    stored = values.shape[-1]
    if stored >= width:
        return values[..., :width]
    return tf.pad(values, [[0, 0], [0, 0], [0, width - stored]])
