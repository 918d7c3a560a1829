"""Requests of several threads, computed together, with a signature in plain NumPy."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.signature_batcher import SignatureBatcher
from serving.server.status_error import StatusError, invalid_argument

FOREVER = float("inf")


def signature() -> meta_graph_pb2.SignatureDef:
    """`fixed [B, 2]` and `free [B, K]`."""
    definition = meta_graph_pb2.SignatureDef()
    for name, widths in (("fixed", (-1, 2)), ("free", (-1, -1))):
        for size in widths:
            definition.inputs[name].tensor_shape.dim.add(size=size)
    return definition


def request(value: float, rows: int = 1, width: int = 3) -> dict[str, np.ndarray]:
    return {"fixed": np.full((rows, 2), value), "free": np.full((rows, width), value)}


class Recorder:
    """Sums rows; refuses negative numbers, as a graph would; knows the batches it saw."""

    def __init__(self) -> None:
        self.batches: list[dict[str, np.ndarray]] = []

    def __call__(self, inputs):
        self.batches.append(inputs)
        if (inputs["free"] < 0).any() or inputs["fixed"].shape[1:] != (2,):
            raise invalid_argument("refused")
        return {"sums": inputs["fixed"].sum(1, keepdims=True) + inputs["free"]}


@pytest.fixture
def run():
    """`run(parameters, requests, deadlines)`: all at once; returns answers and the batches."""
    schedulers = []

    def together(parameters, requests, deadline=FOREVER):
        schedulers.append(BatchScheduler(BatchingParameters(**parameters)))
        compute = Recorder()
        batcher = SignatureBatcher(compute, signature(), schedulers[-1])
        with ThreadPoolExecutor(len(requests)) as threads:
            futures = [threads.submit(batcher.run, inputs, deadline) for inputs in requests]
        batcher.close()
        return [future.exception() or future.result() for future in futures], compute.batches

    yield together
    for scheduler in schedulers:
        scheduler.close()


ALL_OF_FOUR = {"max_batch_size": 4, "batch_timeout_micros": 10_000_000, "num_batch_threads": 1}


def test_requests_share_a_batch(run):
    answers, batches = run(ALL_OF_FOUR, [request(float(n)) for n in range(4)])
    (batch,) = batches
    assert sorted(batch["free"][:, 0]) == [0, 1, 2, 3]
    for number, answer in enumerate(answers):
        np.testing.assert_array_equal(answer["sums"], np.full((1, 3), 3.0 * number))


def test_widths_are_padded_to_the_widest(run):
    requests = [request(1.0, 2, width=1), request(2.0, 2, width=3)]
    answers, batches = run({**ALL_OF_FOUR, "pad_variable_length_inputs": True}, requests)
    assert batches[0]["free"].shape == (4, 3)
    # The first request has one column of its own; those beyond it are to be cut off.
    assert [answer["sums"].shape for answer in answers] == [(2, 3), (2, 3)]
    assert (answers[0]["sums"] == 3.0).all()
    assert (answers[1]["sums"] == 6.0).all()


def test_different_widths_without_padding_fail_together_as_in_tf_serving(run):
    answers, _ = run(ALL_OF_FOUR, [request(1.0, 2, width=1), request(2.0, 2, width=3)])
    assert [error.code for error in answers] == [grpc.StatusCode.FAILED_PRECONDITION] * 2


def test_batch_is_filled_to_an_allowed_size(run):
    parameters = {"max_batch_size": 4, "allowed_batch_sizes": (4,), "num_batch_threads": 1}
    (answer,), (batch,) = run(parameters, [request(1.0)])
    assert len(batch["free"]) == 4
    assert answer["sums"].shape == (1, 3)


def test_bad_request_fails_alone(run):
    requests = [request(1.0), request(-1.0), request(2.0), request(3.0)]
    answers, batches = run(ALL_OF_FOUR, requests)
    assert [isinstance(answer, StatusError) for answer in answers] == [False, True, False, False]
    assert answers[1].message == "refused"
    assert (answers[3]["sums"] == 9.0).all()
    assert len(batches) == 5


def test_request_that_breaks_a_fixed_width_touches_no_batch(run):
    bad = {**request(1.0), "fixed": np.ones((1, 3))}
    answers, batches = run(
        {**ALL_OF_FOUR, "max_batch_size": 3, "pad_variable_length_inputs": True},
        [request(1.0), bad, request(2.0), request(3.0)],
    )
    assert answers[1].message == "refused"
    assert sorted(len(batch["free"]) for batch in batches) == [1, 3]
    assert all(not isinstance(answers[place], StatusError) for place in (0, 2, 3))


def test_request_without_rows_does_not_wait(run):
    (answer,), _ = run(ALL_OF_FOUR, [request(1.0, rows=0)])
    assert answer["sums"].shape == (0, 3)


def test_late_request_is_not_computed(run):
    parameters = {"max_batch_size": 4, "batch_timeout_micros": 50_000}
    (error,), batches = run(parameters, [request(1.0)], time.monotonic() + 0.01)
    assert (error.code, error.message) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "Run() timeout exceeded while waiting in batching queue",
    )
    assert batches == []


def test_defect_of_the_graph_reaches_everyone_who_waits():
    def defective(inputs):
        raise RuntimeError("defect")

    scheduler = BatchScheduler(BatchingParameters(2, 10_000_000))
    batcher = SignatureBatcher(defective, signature(), scheduler)
    with ThreadPoolExecutor(2) as threads:
        futures = [threads.submit(batcher.run, request(1.0), FOREVER) for _ in range(2)]
    assert [str(future.exception()) for future in futures] == ["defect"] * 2
    scheduler.close()


def test_signatures_are_served_in_turn():
    started, release = threading.Event(), threading.Event()
    order = []

    def compute(name):
        def outputs(inputs):
            order.append(name)
            started.set()
            release.wait(20)
            return {"y": inputs["free"]}

        return outputs

    scheduler = BatchScheduler(BatchingParameters(1, num_batch_threads=1))
    first = SignatureBatcher(compute("first"), signature(), scheduler)
    second = SignatureBatcher(compute("second"), signature(), scheduler)
    with ThreadPoolExecutor(4) as threads:
        futures = [threads.submit(first.run, request(1.0), FOREVER)]
        assert started.wait(20)
        futures += [threads.submit(first.run, request(1.0), FOREVER) for _ in range(2)]
        while first._queue.ready_at() > 0:
            time.sleep(0.001)
        futures.append(threads.submit(second.run, request(1.0), FOREVER))
        while second._queue.ready_at() > 0:
            time.sleep(0.001)
        release.set()
        assert all(future.result(20) for future in futures)
    assert order.index("second") == 1
    scheduler.close()
