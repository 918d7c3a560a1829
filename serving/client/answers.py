"""Outputs of the signatures as typed results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from serving.client.answer_tensors import Array, answer_array
from serving.client.explanation import ExplainedEvent, Explanation, InterestWeights
from serving.client.ranking_signature import RankingSignature
from serving.client.recommendation import Recommendation
from serving.client.request_tensors import recent
from serving.client.scored_candidate import ScoredCandidate
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search
from sesrec_tf.signatures import (
    DISSIMILAR,
    EXPLAIN,
    INTEREST_WEIGHTS,
    INTERESTS,
    ITEMS,
    PROBABILITIES,
    RECOMMEND,
    SCORES,
    SERVING_DEFAULT,
    SIMILAR,
    WEIGHTS,
    explained,
    output_dtypes,
)


def read_scores(outputs: Any, requests: Sequence[RankingRequest]) -> list[list[ScoredCandidate]]:
    """Scores of `serving_default` or `explain`, without those of padding.

    Args:
        outputs: `TensorProto`s by name.
        requests: what was asked, a row each.

    Raises:
        ValueError: if an output is missing, of another dtype or shape, or holds NaN.
    """
    shape = len(requests), max(len(request.candidates) for request in requests)
    scores = _output(outputs, SERVING_DEFAULT, SCORES, shape).tolist()
    probabilities = _output(outputs, SERVING_DEFAULT, PROBABILITIES, shape).tolist()
    return [
        # The rows are wider than the candidates of most requests.
        [ScoredCandidate(*row) for row in zip(request.candidates, *rows, strict=False)]
        for request, *rows in zip(requests, scores, probabilities, strict=True)
    ]


def read_explanation(
    outputs: Any, request: RankingRequest, signature: RankingSignature
) -> Explanation:
    """Answer of `explain` to one request.

    Raises:
        ValueError: as `read_scores`.
    """
    return Explanation(
        candidates=tuple(read_scores(outputs, [request])[0]),
        rec_events=_events(outputs, "rec", request.rec_items, signature.rec_length),
        search_events=_events(outputs, "search", request.searches, signature.search_length),
    )


def read_recommendations(outputs: Any) -> list[Recommendation]:
    """Answer of `recommend` to one request, without what stands for missing items.

    Raises:
        ValueError: as `read_scores`.
    """
    items = _output(outputs, RECOMMEND, ITEMS, (1, None))
    scores = _output(outputs, RECOMMEND, SCORES, items.shape)
    probabilities = _output(outputs, RECOMMEND, PROBABILITIES, items.shape)
    rows = zip(items[0], scores[0].tolist(), probabilities[0].tolist(), strict=True)
    return [Recommendation(*row) for row in rows if row[0]]


def _events(
    outputs: Any, side: str, history: Sequence[str | Search], length: int | None
) -> tuple[ExplainedEvent, ...]:
    width = len(history) if length is None else length
    weights, similar, dissimilar = (
        _output(outputs, EXPLAIN, explained(side, name), (1, width))[0].tolist()
        for name in (WEIGHTS, SIMILAR, DISSIMILAR)
    )
    shape = (1, width, len(INTERESTS))
    interests = _output(outputs, EXPLAIN, explained(side, INTEREST_WEIGHTS), shape)[0]
    seen = recent(history, length)
    first = len(history) - len(seen)
    return tuple(
        ExplainedEvent(
            position=first + place,
            event=event,
            weight=weights[place],
            similar=bool(similar[place]),
            dissimilar=bool(dissimilar[place]),
            interests=InterestWeights(*interests[place].tolist()),
        )
        for place, event in enumerate(seen)
    )


def _output(outputs: Any, signature: str, name: str, shape: Sequence[int | None]) -> Array:
    if name not in outputs:
        raise ValueError(f"output {name} is missing, received {', '.join(sorted(outputs))}")
    dtype = output_dtypes(signature)[name]
    try:
        values = answer_array(outputs[name], dtype, shape)
    except ValueError as error:
        raise ValueError(f"output {name}: {error}") from error
    if dtype == "float32" and np.isnan(values).any():
        raise ValueError(f"output {name} holds NaN; the model is damaged")
    return values
