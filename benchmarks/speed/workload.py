"""What a worker process measures."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Protocol


class Workload(Protocol):
    """Something that can be done again and again.

    Attributes:
        facts: what is known of it once it is set up: versions, devices, seconds of the start.
    """

    facts: dict[str, Any]

    def round(self, seconds: float) -> tuple[int, int]:
        """Works for about `seconds`, at least once; steps and examples done."""
        ...


def repeated(step: Callable[[], int], seconds: float) -> tuple[int, int]:
    """Takes whole steps until `seconds` have passed.

    Args:
        step: does it, gives its examples.
        seconds: to go on for.

    Returns:
        Steps and examples.
    """
    steps = examples = 0
    end = time.perf_counter() + seconds
    while not steps or time.perf_counter() < end:
        examples += step()
        steps += 1
    return steps, examples
