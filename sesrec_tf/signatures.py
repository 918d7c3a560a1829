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

SIDES = ("rec", "search")
"""The two histories; what is told of their events is named `<side>_<quantity>`, see `explained`."""

WEIGHTS = "weights"
"""float32 `[B, T]`: co-attention of an event with the other history (9)-(10), sum 1."""

SIMILAR = "similar"
DISSIMILAR = "dissimilar"
"""int32 `[B, T]`: 1 for an event of the set P (11), of the set N (12). Where the threshold leaves
one of the two empty, that set is the whole history, so an event may be in both."""

INTEREST_WEIGHTS = "interests"
"""float32 `[B, T, 3]`: weight of an event in the interests of `INTERESTS` (17)-(19), for the first
candidate; each sums to 1 over its set of events."""

INTERESTS = ("all", "similar", "dissimilar")


def explained(side: str, quantity: str) -> str:
    """Name of an output of `explain`."""
    return f"{side}_{quantity}"


def recommend_shapes(shape: HistoryShape) -> Shapes:
    """Shape of every string input of `recommend`, without the batch axis."""
    return {name: dims for name, dims in request_shapes(shape).items() if name != CANDIDATES}


def explanation_shapes(shape: HistoryShape) -> Shapes:
    """Shape of every output of `explain` beside the scores, without the batch axis.

    All are 0 where the request holds no event.
    """
    lengths = zip(SIDES, (shape.rec_length, shape.search_length), strict=True)
    return {
        explained(side, quantity): (length, *((len(INTERESTS),) * (quantity == INTEREST_WEIGHTS)))
        for side, length in lengths
        for quantity in _EXPLANATION_DTYPES
    }


def output_dtypes(signature: str) -> dict[str, str]:
    """Dtype of every output of a signature, by name."""
    dtypes = {SCORES: "float32", PROBABILITIES: "float32"}
    if signature == RECOMMEND:
        return {ITEMS: "string", **dtypes}
    if signature == EXPLAIN:
        for side in SIDES:
            dtypes |= {explained(side, name): dtype for name, dtype in _EXPLANATION_DTYPES.items()}
    return dtypes


_EXPLANATION_DTYPES = {
    WEIGHTS: "float32",
    SIMILAR: "int32",
    DISSIMILAR: "int32",
    INTEREST_WEIGHTS: "float32",
}
