"""Checks of one answer by itself, whatever the model."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from serving.client.explanation import ExplainedEvent
from serving.client.ranking_signature import RankingSignature
from serving.client.request_tensors import recent
from serving.smoke.check_result import CheckError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.signatures import INTERESTS


def check_explained(
    request: RankingRequest, events: Sequence[ExplainedEvent], tolerance: float
) -> None:
    """Every event of a history is in a set, and the weights of each interest sum to 1.

    Raises:
        CheckError: naming the user and what is wrong.
    """
    if any(not (event.similar or event.dissimilar) for event in events):
        raise CheckError(f"user {request.user}: an event is neither similar nor dissimilar")
    for interest in INTERESTS if events else ():
        total = sum(getattr(event.interests, interest) for event in events)
        if not abs(total - 1) <= tolerance:
            raise CheckError(
                f"user {request.user}: the weights in the interest {interest} sum to {total:.6f}, "
                "not to 1"
            )


def check_recommended(
    request: RankingRequest,
    signature: RankingSignature,
    items: Sequence[str],
    scores: Sequence[float],
) -> None:
    """Items are distinct, by falling score, and none of the history that the model is sent.

    Raises:
        CheckError: naming the user and what is wrong.
    """
    searches = recent(request.searches, signature.search_length)
    clicked = {item for search in searches for item in search.clicked_items[: signature.clicks]}
    seen = sorted({*recent(request.rec_items, signature.rec_length), *clicked} & set(items))
    if seen:
        raise CheckError(f"user {request.user}: recommends {seen[0]}, which the request holds")
    if len(set(items)) != len(items):
        raise CheckError(f"user {request.user}: recommends an item twice")
    if any(first < second for first, second in itertools.pairwise(scores)):
        raise CheckError(f"user {request.user}: the scores do not fall")
