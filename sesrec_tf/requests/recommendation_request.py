"""What a client asks of the whole catalogue: items for one user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sesrec_tf.requests.request_checks import (
    checked_id,
    checked_ids,
    checked_keys,
    checked_list,
    parsed_list,
)
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search


@dataclass(frozen=True)
class RecommendationRequest:
    """A user with a history; raw ids, oldest event first.

    Attributes:
        user: the user's id.
        rec_items: item ids of the recommendation history; may be empty.
        searches: the search history; may be empty.

    Raises:
        RequestError: for an id that is empty or holds whitespace, a search that is none, or a
            string or another thing where a list is meant.
    """

    user: str
    rec_items: tuple[str, ...] = ()
    searches: tuple[Search, ...] = ()

    def __post_init__(self) -> None:
        checked_id("user", self.user)
        object.__setattr__(self, "rec_items", checked_ids("rec_items", self.rec_items))
        object.__setattr__(self, "searches", checked_list("searches", "searches", self.searches))
        for position, search in enumerate(self.searches):
            if not isinstance(search, Search):
                raise RequestError(
                    f"searches[{position}]", f"should be a Search. Received: {search!r}."
                )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RecommendationRequest:
        """From an object of a request file.

        Raises:
            InputError: for an unknown or missing key, or a value of another type.
        """
        checked_keys("a request", values, ("user",), ("rec_items", "searches"))
        return cls(**{**values, "searches": parsed_searches(values)})


def parsed_searches(values: Mapping[str, Any]) -> tuple[Search, ...]:
    """The searches of an object of a request file.

    Raises:
        RequestError: for one that is none, with its position.
    """
    return tuple(parsed_list("searches", values.get("searches", []), Search.from_dict))
