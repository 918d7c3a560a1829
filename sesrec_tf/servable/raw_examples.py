"""`tf.Example` messages that carry a request: raw ids and texts, lists of any length."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import tensorflow as tf

from sesrec_tf.data.query_words import split_words_in_graph
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    QUERIES,
    QUERY_SOURCES,
    REC_ITEMS,
    USER,
    HistoryShape,
)

_LISTS = (REC_ITEMS, QUERIES, QUERY_SOURCES, CLICKED_ITEMS, CANDIDATES)
_SESSION_LISTS = (QUERY_SOURCES, CLICKED_ITEMS)


def make_example(features: Mapping[str, Iterable[str]]) -> tf.train.Example:
    """One request as a message.

    Args:
        features: lists of strings under the names of `schema.request_shapes`, oldest event
            first: `user` one id, `clicked_items` one space-separated string a session.
    """
    return tf.train.Example(
        features=tf.train.Features(
            feature={
                name: tf.train.Feature(
                    bytes_list=tf.train.BytesList(value=[text.encode("utf-8") for text in values])
                )
                for name, values in features.items()
            }
        )
    )


def parse_examples(serialized: tf.Tensor, history: HistoryShape) -> dict[str, tf.Tensor]:
    """Serialized examples as the dense request of `schema.request_shapes`.

    The most recent events and the first clicks of a session are kept. Lists may be absent;
    `query_sources` and `clicked_items` are otherwise as long as `queries`.

    Args:
        serialized: strings `[B]`.
        history: widths of the request.

    Returns:
        Strings padded with ""; `candidates` `[B, K]` as wide as the longest list of the batch,
        at least 1.

    Raises:
        tf.errors.InvalidArgumentError: when run, for bytes that are no `tf.Example`, an example
            without a user, a feature of another dtype, or session lists of unequal lengths.
    """
    parsed = tf.io.parse_example(
        serialized,
        {
            USER: tf.io.FixedLenFeature([], tf.string),
            **{name: tf.io.RaggedFeature(tf.string, row_splits_dtype=tf.int64) for name in _LISTS},
        },
    )
    sessions = parsed[QUERIES].row_lengths()
    with tf.control_dependencies(
        [_check_length(name, parsed[name], sessions) for name in _SESSION_LISTS]
    ):
        clicks = split_words_in_graph(
            _recent(parsed[CLICKED_ITEMS], history.search_length), history.clicks
        )
        return {
            USER: parsed[USER],
            REC_ITEMS: _recent(parsed[REC_ITEMS], history.rec_length),
            QUERIES: _recent(parsed[QUERIES], history.search_length),
            QUERY_SOURCES: _recent(parsed[QUERY_SOURCES], history.search_length),
            CLICKED_ITEMS: clicks,
            CANDIDATES: _at_least_one(parsed[CANDIDATES].to_tensor()),
        }


def _recent(values: tf.RaggedTensor, length: int) -> tf.Tensor:
    return values[:, -length:].to_tensor(shape=[None, length])


def _at_least_one(values: tf.Tensor) -> tf.Tensor:
    missing = tf.cast(tf.equal(tf.shape(values)[1], 0), tf.int32)
    return tf.pad(values, [[0, 0], [0, missing]])


def _check_length(name: str, values: tf.RaggedTensor, sessions: tf.Tensor) -> tf.Operation:
    lengths = values.row_lengths()
    wrong = tf.logical_and(tf.not_equal(lengths, sessions), tf.not_equal(lengths, 0))
    return tf.debugging.Assert(
        tf.logical_not(tf.reduce_any(wrong)),
        [
            f"`{name}` should be absent or have one value for each of `{QUERIES}`; use an empty "
            f"string where there is none. Received examples at fault, their numbers of `{name}` "
            f"and of `{QUERIES}`:",
            tf.where(wrong)[:, 0],
            tf.boolean_mask(lengths, wrong),
            tf.boolean_mask(sessions, wrong),
        ],
    )
