"""Checks of a client's settings; each names the setting at fault."""

from __future__ import annotations

from sesrec_tf.errors import InputError


def check_integer(name: str, value: object, low: int, high: int) -> None:
    """Raises an InputError unless `value` is an integer, and no bool, in [low, high]."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise InputError(f"`{name}` should be an integer in [{low}, {high}]. Received: {value!r}.")


def check_text(name: str, value: object) -> None:
    """Raises an InputError unless `value` is a string with at least one character."""
    if not isinstance(value, str) or not value:
        raise InputError(f"`{name}` should be a string, not empty. Received: {value!r}.")
