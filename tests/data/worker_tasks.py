"""What the tests have worker processes do."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from pathlib import Path

from sesrec_tf.data.worker_processes import count_rows
from sesrec_tf.errors import InputError

LONG = 60.0
"""Seconds after which a task that should have been ended gives up."""


def call(function: Callable[..., object], arguments: Sequence[object]) -> object:
    """For tasks that are not all the same function."""
    return function(*arguments)


def square(value: int, delay: float = 0.0) -> tuple[int, int]:
    """The square, and the process."""
    time.sleep(delay)
    count_rows(value)
    return value * value, os.getpid()


def fail(message: str) -> None:
    raise InputError(message, ["detail"])


def exit_abruptly() -> None:
    os._exit(9)


def work_until_told(directory: Path, name: str) -> None:
    """Says that it is at work, and how that ended."""
    (directory / f"{name}.{os.getpid()}").touch()
    ended = "by itself"
    try:
        for _ in range(int(LONG / 0.02)):
            time.sleep(0.02)
            count_rows(1)
    except CancelledError:
        ended = "told"
        raise
    finally:
        (directory / f"{name}.ended").write_text(ended)


def fail_beside(directory: Path, name: str) -> None:
    """Fails once the other task is at work."""
    wait_for(directory, f"{name}.*")
    raise InputError("the first failure")


def wait_for(directory: Path, pattern: str, number: int = 1) -> list[Path]:
    """The files of a pattern, as soon as there are so many.

    Raises:
        TimeoutError: if they do not come.
    """
    for _ in range(int(LONG / 0.02)):
        found = sorted(directory.glob(pattern))
        if len(found) >= number:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"{number} x {pattern} in {directory}: {sorted(directory.iterdir())}")
