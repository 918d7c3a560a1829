"""Outcome of a check of an endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sesrec_tf.errors import InputError

OK, FAILED, ABSENT = "ok", "FAILED", "not served"


class CheckResult(NamedTuple):
    """Outcome of one check.

    Attributes:
        name: what was checked.
        outcome: `OK`, `FAILED` or `ABSENT`.
        detail: what was found.
    """

    name: str
    outcome: str
    detail: str


class CheckError(Exception):
    """Ends a check that found something wrong."""


def run_check(name: str, check: Callable[[], str]) -> CheckResult:
    """What `check` returns as the detail of a success, or raises as that of a failure."""
    try:
        return CheckResult(name, OK, check())
    except (CheckError, InputError) as failure:
        return CheckResult(name, FAILED, str(failure))
