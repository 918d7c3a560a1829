"""String requests as batches of indices: the preparation of data, repeated in the graph."""

from __future__ import annotations

import tensorflow as tf

from sesrec_tf.data.left_align import left_align
from sesrec_tf.data.prepared import VOCABULARIES, PreparedDataset
from sesrec_tf.data.query_words import split_words_in_graph
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    UNKNOWN,
    USER,
    HistoryShape,
    batch_shapes,
)
from sesrec_tf.servable.string_lookup import StringLookup

Request = dict[str, tf.Tensor]
Batch = dict[str, tf.Tensor]


class RequestFeatures:
    """Maps raw ids and query texts to the batch that preparation would have written for them.

    A session counts if its query has a word; its empty source is an unknown one. Histories with
    gaps are closed up, because positions are counted from the oldest event. An empty user is an
    unknown one; an empty candidate keeps its place, as padding.

    Args:
        dataset: vocabularies of the data the model was trained on.
        history: widths of the model's batches; words and events beyond them do not count.

    Attributes:
        lookups: one `StringLookup` by vocabulary.

    Raises:
        InputError: if a vocabulary file is missing or damaged.
    """

    def __init__(self, dataset: PreparedDataset, history: HistoryShape) -> None:
        self._widths = batch_shapes(history)
        # Records hold no more words than this, whatever the model has room for.
        self._words = min(history.query_words, dataset.history.query_words)
        self.lookups = {
            name: StringLookup(dataset.vocabulary_file(name), getattr(dataset.sizes, name))
            for name in VOCABULARIES
        }

    def __call__(self, request: Request) -> Batch:
        """The batch of `schema.batch_shapes`, int32.

        Args:
            request: strings as in `schema.request_shapes`, padded with "", the histories no wider
                than the model's; without candidates the batch has none.
        """
        feed = self.lookups["items"](request[REC_ITEMS])
        rec_valid, search_valid = self.valid_events(request)
        batch = {
            USER: tf.maximum(self.lookups["users"](request[USER]), UNKNOWN),
            REC_ITEMS: left_align(feed, rec_valid),
            **self._sessions(request, search_valid),
        }
        if CANDIDATES in request:
            batch[CANDIDATES] = self.lookups["items"](request[CANDIDATES])
        return {name: _fit(values, self._widths[name]) for name, values in batch.items()}

    def seen_items(self, request: Request) -> tf.Tensor:
        """Feed items and clicks, int32 `[B, T_r + T_s C]`, also clicks of queries without words."""
        clicks = request[CLICKED_ITEMS]
        width = clicks.shape[1] * clicks.shape[2]
        seen = tf.concat([request[REC_ITEMS], tf.reshape(clicks, [-1, width])], axis=1)
        return self.lookups["items"](seen)

    def valid_events(self, request: Request) -> tuple[tf.Tensor, tf.Tensor]:
        """Which places of a request hold an event: bool `[B, T_r]` and `[B, T_s]`."""
        first_words = split_words_in_graph(request[QUERIES], 1)[..., 0]
        return tf.not_equal(request[REC_ITEMS], ""), tf.not_equal(first_words, "")

    def _sessions(self, request: Request, valid: tf.Tensor) -> Batch:
        texts = request[QUERIES]
        words = split_words_in_graph(texts, self._words)
        sessions = {
            QUERIES: self.lookups["queries"](texts),
            QUERY_WORDS: self.lookups["words"](words),
            QUERY_SOURCES: tf.maximum(self.lookups["sources"](request[QUERY_SOURCES]), UNKNOWN),
            CLICKED_ITEMS: self.lookups["items"](request[CLICKED_ITEMS]),
        }
        return {name: left_align(value, valid) for name, value in sessions.items()}


def _fit(values: tf.Tensor, dims: tuple[int | None, ...]) -> tf.Tensor:
    """Pads the axes after the batch axis on the right, up to `dims`."""
    missing = [
        0 if size is None else size - width
        for size, width in zip(dims, values.shape[1:], strict=True)
    ]
    if not any(missing):
        return values
    return tf.pad(values, [[0, 0], *([0, count] for count in missing)])
