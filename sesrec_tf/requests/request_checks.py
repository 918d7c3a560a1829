"""Checks that the parts of a request share; each names the place at fault."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sesrec_tf.errors import InputError
from sesrec_tf.requests.request_error import RequestError

Part = TypeVar("Part")


def checked_text(place: str, value: object) -> None:
    """Raises a RequestError unless `value` is a string that UTF-8 can carry."""
    if not isinstance(value, str):
        raise RequestError(place, f"should be a string. Received: {value!r}.")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise RequestError(place, f"should be valid Unicode. Received: {value!r}.") from None


def checked_id(place: str, value: object) -> None:
    """Raises a RequestError unless `value` is an id, as `pipelines.prepare` reads them."""
    checked_text(place, value)
    if str(value).split() != [value]:
        raise RequestError(
            place, f"should be an id, non-empty and without whitespace. Received: {value!r}."
        )


def checked_ids(name: str, values: Sequence[str]) -> tuple[str, ...]:
    """The ids as a tuple.

    Raises:
        RequestError: for no list, or with the position of what is no id.
    """
    ids = checked_list(name, "ids", values)
    for position, value in enumerate(ids):
        checked_id(f"{name}[{position}]", value)
    return ids


def checked_list(name: str, what: str, values: Sequence[Part]) -> tuple[Part, ...]:
    """The elements as a tuple; a string is no list of its letters.

    Raises:
        RequestError: for no list.
    """
    if isinstance(values, (str, bytes)) or not isinstance(values, Sequence):
        raise RequestError(name, f"should be a list of {what}. Received: {values!r}.")
    return tuple(values)


def checked_keys(
    what: str, values: object, required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    """Raises an InputError unless `values` is an object with these keys."""
    if not isinstance(values, Mapping):
        raise InputError(f"{what} should be an object. Received: {values!r}.")
    missing = [key for key in required if key not in values]
    unknown = [str(key) for key in values if key not in required + optional]
    if missing or unknown:
        raise InputError(
            f"{what} should have {', '.join(required)} and may have {', '.join(optional)}. "
            f"Missing: {', '.join(missing) or 'none'}; unknown: {', '.join(unknown) or 'none'}."
        )


def parsed_list(name: str, values: object, parse: Callable[[Any], Part]) -> list[Part]:
    """Every element of a list of a request file parsed.

    Raises:
        RequestError: for no list, or the first element that cannot be parsed, with its position.
    """
    if not isinstance(values, list):
        raise RequestError(name, f"should be a list. Received: {values!r}.")
    parsed = []
    for position, value in enumerate(values):
        place = f"{name}[{position}]"
        try:
            parsed.append(parse(value))
        except RequestError as error:
            raise error.within(place) from error
        except InputError as error:
            raise RequestError(place, f"is unusable: {error}") from error
    return parsed
