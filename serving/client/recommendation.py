"""What a recommendation answers about an item."""

from __future__ import annotations

from typing import NamedTuple


class Recommendation(NamedTuple):
    """An item of the catalogue with its logit and its click probability."""

    item: str
    score: float
    probability: float
