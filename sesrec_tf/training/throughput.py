"""Examples per second of the training steps."""

from __future__ import annotations

import time
from collections.abc import Callable


class Throughput:
    """Measures an epoch at a time, leaving out the first step of the process.

    That step traces the graph, which can take longer than all others of an epoch. It counts only
    where it is the one step that the process takes in the epoch.

    Args:
        batch_size: examples a step.
        clock: gives the time in seconds.
    """

    def __init__(self, batch_size: int, clock: Callable[[], float] = time.perf_counter) -> None:
        self._batch_size = batch_size
        self._clock = clock
        self._traced = False

    def start(self) -> None:
        """Before the first step that the process takes in an epoch."""
        self._begin = self._end = self._clock()
        self._steps = 0
        self._traces = False

    def step(self) -> None:
        """After each step."""
        self._end = self._clock()
        self._steps += 1
        if not self._traced:
            self._traced = self._traces = True
            self._traced_at = self._end

    @property
    def examples_per_second(self) -> float:
        """Over the steps since `start`."""
        begin, steps = self._begin, self._steps
        if self._traces and steps > 1:
            begin, steps = self._traced_at, steps - 1
        return steps * self._batch_size / max(self._end - begin, 1e-9)
