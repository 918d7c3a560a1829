"""Requests of one signature that wait to be computed together."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field

import grpc
import numpy as np

from serving.server.batching_parameters import BatchingParameters
from serving.server.status_error import StatusError, invalid_argument

Arrays = dict[str, np.ndarray]


@dataclass(eq=False)
class BatchTask:
    """One request in a queue.

    Attributes:
        inputs: arrays `[size, ...]` by name.
        size: rows.
        deadline: monotonic second after which it is not computed.
        answer: the outputs, or a `StatusError`.
    """

    inputs: Arrays
    size: int
    deadline: float = math.inf
    answer: Future[Arrays] = field(default_factory=Future)


class BatchQueue:
    """Batches in the order of arrival, the last one open; guarded by the scheduler's lock.

    Sizes, times and refusals are those of `shared_batch_scheduler.h` of TensorFlow.

    Args:
        parameters: bounds.
        process: computes a batch and sets the answers of its tasks.
    """

    def __init__(
        self, parameters: BatchingParameters, process: Callable[[list[BatchTask]], None]
    ) -> None:
        self.process = process
        self._parameters = parameters
        self._batches: deque[list[BatchTask]] = deque([[]])
        self._opened = 0.0

    def add(self, task: BatchTask, now: float) -> None:
        """Appends a task.

        Raises:
            StatusError: INVALID_ARGUMENT for a task larger than a batch, UNAVAILABLE if all
                batches are full.
        """
        limit = self._parameters.max_batch_size
        if task.size > limit:
            raise invalid_argument(
                f"Task size {task.size} is larger than maximum input batch size {limit}"
            )
        if self._open_size() + task.size > limit:
            if len(self._batches) >= self._parameters.max_enqueued_batches:
                raise self._full()
            self._batches.append([])
        if not self._batches[-1]:
            self._opened = now
        self._batches[-1].append(task)

    def take(self, now: float) -> list[BatchTask]:
        """The first batch if it may be computed at `now`, else none."""
        if self.ready_at() > now:
            return []
        batch = self._batches.popleft()
        if not self._batches:
            self._batches.append([])
        return batch

    def ready_at(self) -> float:
        """Monotonic second from which the first batch may be computed; infinite without one."""
        if len(self._batches) > 1 or self._open_size() >= self._parameters.max_batch_size:
            return 0.0
        if not self._batches[-1]:
            return math.inf
        return self._opened + self._parameters.batch_timeout_micros / 1e6

    def _open_size(self) -> int:
        return sum(task.size for task in self._batches[-1])

    def _full(self) -> StatusError:
        return StatusError(
            grpc.StatusCode.UNAVAILABLE,
            "The batch scheduling queue to which this task was submitted is full; currently "
            f"{len(self._batches)} batches enqueued and max_enqueued_batches is "
            f"{self._parameters.max_enqueued_batches}",
        )
