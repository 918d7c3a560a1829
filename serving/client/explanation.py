"""What a served model tells about the histories of a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from serving.client.scored_candidate import ScoredCandidate
from sesrec_tf.requests.search import Search


class InterestWeights(NamedTuple):
    """Weights of an event in the three interests (17)-(19); each sums to 1 over its events."""

    all: float
    similar: float
    dissimilar: float


class ExplainedEvent(NamedTuple):
    """What the model made of one event of a history.

    Attributes:
        position: of the event in the request's history, 0 the oldest.
        event: the item id, or the search.
        weight: co-attention with the other history (9)-(10); sums to 1 over the history.
        similar, dissimilar: whether it is in the similar set (11) and in the dissimilar one (12);
            in both where a threshold would have left one of them empty.
        interests: its weights for the first candidate.
    """

    position: int
    event: str | Search
    weight: float
    similar: bool
    dissimilar: bool
    interests: InterestWeights


@dataclass(frozen=True)
class Explanation:
    """Scores of a request's candidates, and what the model made of its histories.

    Attributes:
        candidates: scored, in the given order; the weights of interests are for the first.
        rec_events: the events of the recommendation history that the model saw, oldest first.
        search_events: those of the search history.
    """

    candidates: tuple[ScoredCandidate, ...]
    rec_events: tuple[ExplainedEvent, ...]
    search_events: tuple[ExplainedEvent, ...]
