"""Loads on a gRPC server that sleeps, or refuses."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager

import grpc
import numpy as np
import pytest

from benchmarks.load import Load, LoadResult
from sesrec_tf.errors import InputError

SLEEP = 0.02


@contextmanager
def endpoint(
    answer: Callable[[bytes, grpc.ServicerContext], bytes], workers: int = 8
) -> Iterator[str]:
    """A server whose Predict is `answer`, on the bytes themselves."""
    server = grpc.server(futures.ThreadPoolExecutor(workers))
    handler = grpc.unary_unary_rpc_method_handler(answer)
    service = "tensorflow.serving.PredictionService"
    server.add_generic_rpc_handlers(
        [grpc.method_handlers_generic_handler(service, {"Predict": handler})]
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        server.stop(0).wait()


def test_a_caller_waits_for_its_answer():
    under_way, most = 0, 0
    lock = threading.Lock()

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        nonlocal under_way, most
        with lock:
            under_way += 1
            most = max(most, under_way)
        time.sleep(SLEEP)
        with lock:
            under_way -= 1
        return request

    with endpoint(answer) as target:
        result = Load(target, [b"a", b"b"]).closed(callers=3, seconds=0.5)
    assert most == 3
    assert not result.failures
    assert min(result.latencies) >= SLEEP
    assert 3 <= len(result.latencies) <= 3 * (0.5 / SLEEP + 1)
    assert result.throughput == pytest.approx(len(result.latencies) / result.seconds)


def test_arrivals_do_not_wait_for_answers():
    """One worker that stalls once: what was due meanwhile counts from its own instant."""
    stalled = threading.Event()

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if not stalled.is_set():
            stalled.set()
            time.sleep(0.3)
        return request

    with endpoint(answer, workers=1) as target:
        result = Load(target, [b"a"]).open(rate=100, seconds=0.5, seed=3)
    assert len(result.latencies) == 50
    # About 20 are due in the first 0.2 s of the stall, and wait for 0.1 s or longer.
    assert sum(latency > 0.1 for latency in result.latencies) >= 10


def test_nobody_there(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("benchmarks.load._CONNECT_SECONDS", 0.2)
    with pytest.raises(InputError, match=r"nothing answers at 127\.0\.0\.1:1\."):
        Load("127.0.0.1:1", [b"a"]).closed(1, 1.0)


def test_failures_are_counted_by_status():
    calls = iter(range(1000))

    def answer(request: bytes, context: grpc.ServicerContext) -> bytes:
        if next(calls) % 2:
            context.abort(grpc.StatusCode.UNAVAILABLE, "full")
        return request

    with endpoint(answer) as target:
        result = Load(target, [b"a"]).open(rate=100, seconds=0.2)
    assert result.failures == {"UNAVAILABLE": 10}
    assert len(result.latencies) == 10


def test_percentiles_are_milliseconds():
    result = LoadResult(seconds=2.0, latencies=[0.001, 0.002, 0.003, 0.004])
    assert result.percentile(50) == pytest.approx(2.5)
    assert result.percentile(100) == pytest.approx(4.0)
    assert result.throughput == 2.0
    assert np.isfinite(result.percentile(99))
