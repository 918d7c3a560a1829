"""The one error that a user can cause and mend, and its most common check."""

from __future__ import annotations

from collections.abc import Sequence


class InputError(ValueError):
    """Something given by the user is unusable: a file, a flag, a directory, a request.

    The message says what is wrong, what was expected, what was received, and what to do.
    Commands print it on one line, each of the details below it, and exit with status 2.

    Args:
        message: the line.
        details: examples, such as the first of many unusable rows.
    """

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)

    def __reduce__(self) -> tuple[type[InputError], tuple[str, tuple[str, ...]]]:
        return type(self), (str(self), self.details)


def require_choice(flag: str, value: object, choices: Sequence[str]) -> None:
    """Checks the value of a flag.

    Raises:
        InputError: if it is none of the choices.
    """
    if value not in choices:
        raise InputError(f"`--{flag}` should be one of {', '.join(choices)}. Received: {value!r}.")
