"""One event of a search history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sesrec_tf.requests.request_checks import checked_ids, checked_keys, checked_text
from sesrec_tf.requests.request_error import RequestError


@dataclass(frozen=True)
class Search:
    """One past search session.

    Attributes:
        query: the text as typed, words separated by spaces.
        source: where the search came from (typed, suggested, ...); may be empty.
        clicked_items: ids clicked in the results, in order; may be empty.

    Raises:
        RequestError: for a query without words, or an id that is no id.
    """

    query: str
    source: str = ""
    clicked_items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "clicked_items", checked_ids("clicked_items", self.clicked_items))
        checked_text("query", self.query)
        checked_text("source", self.source)
        if not self.query.strip(" "):
            raise RequestError(
                "query", f"should hold at least one word. Received: {self.query!r}, no word."
            )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Search:
        """From an object of a request file.

        Raises:
            InputError: for an unknown or missing key, or a value of another type.
        """
        checked_keys("a search", values, required=("query",), optional=("source", "clicked_items"))
        return cls(**values)
