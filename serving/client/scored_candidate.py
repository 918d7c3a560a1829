"""What ranking answers about a candidate."""

from __future__ import annotations

from typing import NamedTuple


class ScoredCandidate(NamedTuple):
    """A candidate with its logit and its click probability."""

    candidate: str
    score: float
    probability: float
