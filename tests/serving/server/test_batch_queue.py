"""When a batch is closed, and when a queue is full: `shared_batch_scheduler.h`."""

from __future__ import annotations

import math

import grpc
import pytest

from serving.server.batch_queue import BatchQueue, BatchTask
from serving.server.batching_parameters import BatchingParameters
from serving.server.status_error import StatusError


def queue(**parameters) -> BatchQueue:
    return BatchQueue(BatchingParameters(**parameters), lambda tasks: None)


def task(size: int) -> BatchTask:
    return BatchTask({}, size)


def sizes(tasks: list[BatchTask]) -> list[int]:
    return [entry.size for entry in tasks]


def test_open_batch_waits_for_its_time():
    waiting = queue(max_batch_size=4, batch_timeout_micros=1_000_000)
    assert waiting.ready_at() == math.inf
    waiting.add(task(1), now=10.0)
    waiting.add(task(2), now=10.5)
    assert waiting.ready_at() == 11.0
    assert waiting.take(10.9) == []
    assert sizes(waiting.take(11.0)) == [1, 2]
    assert waiting.take(12.0) == []


def test_full_batch_goes_at_once():
    full = queue(max_batch_size=4, batch_timeout_micros=1_000_000)
    full.add(task(1), now=10.0)
    full.add(task(3), now=10.0)
    assert sizes(full.take(10.0)) == [1, 3]


def test_task_that_does_not_fit_closes_the_batch():
    two = queue(max_batch_size=4, batch_timeout_micros=1_000_000)
    two.add(task(3), now=10.0)
    two.add(task(2), now=10.9)
    assert sizes(two.take(10.9)) == [3]
    # The second batch counts its time from its own first task.
    assert two.ready_at() == 11.9


def test_full_queue_refuses():
    small = queue(max_batch_size=2, max_enqueued_batches=2)
    small.add(task(2), now=0)
    small.add(task(1), now=0)
    with pytest.raises(StatusError) as caught:
        small.add(task(2), now=0)
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    assert caught.value.message == (
        "The batch scheduling queue to which this task was submitted is full; currently 2 batches "
        "enqueued and max_enqueued_batches is 2"
    )
    small.add(task(1), now=0)
    assert sizes(small.take(0)) == [2]
    small.add(task(2), now=0)


def test_oversized_task():
    with pytest.raises(StatusError) as caught:
        queue(max_batch_size=2).add(task(3), now=0)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert caught.value.message == "Task size 3 is larger than maximum input batch size 2"
