"""Names and shapes of the signatures that an exported model answers.

Free of TensorFlow, because clients read it too. Symbols as in `sesrec_tf.schema`; `k` is the
number of items that `recommend` returns, fixed when the model is exported.
"""

from __future__ import annotations

from sesrec_tf.schema import CANDIDATES, HistoryShape, request_shapes

Shapes = dict[str, tuple[int | None, ...]]

SERVING_DEFAULT = "serving_default"
"""Ranks `K` candidates: `request_shapes` to `SCORES` and `PROBABILITIES`."""

EXAMPLES = "examples"
"""The same for serialized `tf.Example` messages, its one input of the same name, `[B]`."""

EXPLAIN = "explain"
"""As `serving_default`, and what the model made of every event of the history."""

RECOMMEND = "recommend"
"""The best `k` items of the catalogue: `recommend_shapes` to `ITEMS` and their scores."""

SCORES = "scores"
"""float32 `[B, K]` (`[B, k]` of `recommend`): logits."""

PROBABILITIES = "probabilities"
"""float32, as wide as `SCORES`: the sigmoid of the logits."""

ITEMS = "items"
"""Strings `[B, k]` by falling score, "" where the catalogue has too few unseen items."""

PADDED_SCORE = -3.4028234663852886e38
"""Score of an empty candidate: the lowest float32, because JSON has no infinity."""

REC_WEIGHTS = "rec_weights"
SEARCH_WEIGHTS = "search_weights"
"""float32 `[B, T]`: co-attention of an event with the other history (9)-(12), sum 1."""

REC_SIMILAR = "rec_similar"
SEARCH_SIMILAR = "search_similar"
"""int32 `[B, T]`: 1 for an event of the similar set P (11)."""

REC_DISSIMILAR = "rec_dissimilar"
SEARCH_DISSIMILAR = "search_dissimilar"
"""int32 `[B, T]`: 1 for an event of the dissimilar set N (12). Where a threshold leaves one of the
two sets empty, that set is the whole history, so an event may be in both."""

REC_INTERESTS = "rec_interests"
SEARCH_INTERESTS = "search_interests"
"""float32 `[B, T, 3]`: weight of an event in the interests of `INTERESTS` (17)-(19), for the
first candidate; each sums to 1 over its set of events."""

INTERESTS = ("all", "similar", "dissimilar")


def recommend_shapes(shape: HistoryShape) -> Shapes:
    """Shape of every string input of `recommend`, without the batch axis."""
    return {name: dims for name, dims in request_shapes(shape).items() if name != CANDIDATES}


def explanation_shapes(shape: HistoryShape) -> Shapes:
    """Shape of every output of `explain` beside the scores, without the batch axis.

    All are 0 where the request holds no event.
    """
    rec, search = shape.rec_length, shape.search_length
    return {
        REC_WEIGHTS: (rec,),
        SEARCH_WEIGHTS: (search,),
        REC_SIMILAR: (rec,),
        SEARCH_SIMILAR: (search,),
        REC_DISSIMILAR: (rec,),
        SEARCH_DISSIMILAR: (search,),
        REC_INTERESTS: (rec, len(INTERESTS)),
        SEARCH_INTERESTS: (search, len(INTERESTS)),
    }
