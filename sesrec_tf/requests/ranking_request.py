"""What a client asks: candidates to rank for one user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sesrec_tf.requests.recommendation_request import RecommendationRequest, parsed_searches
from sesrec_tf.requests.request_checks import checked_ids, checked_keys
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search


@dataclass(frozen=True)
class RankingRequest:
    """Candidates to rank for a user with a history; raw ids, oldest event first.

    Attributes:
        user: the user's id.
        candidates: item ids to score, at least one.
        rec_items: item ids of the recommendation history; may be empty.
        searches: the search history; may be empty.

    Raises:
        RequestError: for no candidates, or as `RecommendationRequest`.
    """

    user: str
    candidates: tuple[str, ...]
    rec_items: tuple[str, ...] = ()
    searches: tuple[Search, ...] = ()

    def __post_init__(self) -> None:
        history = RecommendationRequest(self.user, self.rec_items, self.searches)
        object.__setattr__(self, "rec_items", history.rec_items)
        object.__setattr__(self, "searches", history.searches)
        object.__setattr__(self, "candidates", checked_ids("candidates", self.candidates))
        if not self.candidates:
            raise RequestError("candidates", "should hold at least one item id. Received: none.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RankingRequest:
        """From an object of a request file.

        Raises:
            InputError: for an unknown or missing key, or a value of another type.
        """
        checked_keys("a request", values, ("user", "candidates"), ("rec_items", "searches"))
        return cls(**{**values, "searches": parsed_searches(values)})
