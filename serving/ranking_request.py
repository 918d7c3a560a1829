"""What a client asks: candidates to rank for one user."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class Search:
    """One past search session.

    Attributes:
        query: the text as typed, words separated by spaces.
        source: where the search came from (typed, suggested, ...); may be empty.
        clicked_items: ids clicked in the results, in order; may be empty.

    Raises:
        InputError: for a query without words, or an id that is no id.
    """

    query: str
    source: str = ""
    clicked_items: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "clicked_items", _ids("clicked_items", self.clicked_items))
        _check_text("query", self.query)
        _check_text("source", self.source)
        if not self.query.strip(" "):
            raise InputError("`query` should hold at least one word. Received: no word.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Search:
        """From an object of a request file.

        Raises:
            InputError: for an unknown or missing key, or a value of another type.
        """
        _check_keys("a search", values, required=("query",), optional=("source", "clicked_items"))
        return cls(**values)


@dataclass(frozen=True)
class RankingRequest:
    """Candidates to rank for a user with a history; raw ids, oldest event first.

    Attributes:
        user: the user's id.
        candidates: item ids to score, at least one.
        rec_items: item ids of the recommendation history; may be empty.
        searches: the search history; may be empty.

    Raises:
        InputError: for no candidates, or an id that is empty or holds whitespace.
    """

    user: str
    candidates: tuple[str, ...]
    rec_items: tuple[str, ...] = ()
    searches: tuple[Search, ...] = ()

    def __post_init__(self) -> None:
        _ids("user", [self.user])
        object.__setattr__(self, "candidates", _ids("candidates", self.candidates))
        object.__setattr__(self, "rec_items", _ids("rec_items", self.rec_items))
        object.__setattr__(self, "searches", tuple(self.searches))
        if not self.candidates:
            raise InputError("`candidates` should hold at least one item id. Received: none.")

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RankingRequest:
        """From an object of a request file.

        Raises:
            InputError: for an unknown or missing key, or a value of another type.
        """
        _check_keys(
            "a request",
            values,
            required=("user", "candidates"),
            optional=("rec_items", "searches"),
        )
        searches = values.get("searches", [])
        if not isinstance(searches, list):
            raise InputError(f"`searches` should be a list. Received: {searches!r}.")
        return cls(
            user=values["user"],
            candidates=values["candidates"],
            rec_items=values.get("rec_items", ()),
            searches=tuple(Search.from_dict(search) for search in searches),
        )


def _ids(name: str, values: Sequence[str]) -> tuple[str, ...]:
    if isinstance(values, str) or not isinstance(values, Sequence):
        raise InputError(f"`{name}` should be a list of ids. Received: {values!r}.")
    for value in values:
        _check_text(name, value)
        if not value or value.split() != [value]:
            raise InputError(
                f"an id of `{name}` should be non-empty and without whitespace. "
                f"Received: {value!r}."
            )
    return tuple(values)


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InputError(f"`{name}` should hold strings. Received: {value!r}.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InputError(f"`{name}` should be valid Unicode. Received: {value!r}.") from None


def _check_keys(
    what: str, values: object, required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    if not isinstance(values, Mapping):
        raise InputError(f"{what} should be an object. Received: {values!r}.")
    missing = [key for key in required if key not in values]
    unknown = [key for key in values if key not in required + optional]
    if missing or unknown:
        raise InputError(
            f"{what} should have {', '.join(required)} and may have {', '.join(optional)}. "
            f"Missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}."
        )
