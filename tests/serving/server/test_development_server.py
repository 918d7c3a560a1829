"""Binding, limits, overload and stopping."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.development_server import DevelopmentServer
from serving.server.model_manager import ModelManager
from serving.server.servable import Servable
from serving.server.status_error import StatusError
from sesrec_tf.errors import InputError


def test_port_in_use():
    with DevelopmentServer() as first:
        port = int(first.address.rpartition(":")[2])
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}"):
            DevelopmentServer(port=port)


def test_port_used_by_another_program():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="--port"):
            DevelopmentServer(port=taken.getsockname()[1])


@pytest.mark.parametrize(
    "setting",
    [
        {"port": 70000},
        {"port": -1},
        {"rest_port": 70000},
        {"workers": 0},
        {"max_message_bytes": 0},
        {"max_pending": -1},
        {"grace_seconds": -1},
    ],
)
def test_settings_out_of_range(setting):
    (name,) = setting
    with pytest.raises(InputError, match=f"`{name}` should be in"):
        DevelopmentServer(**setting)


def test_port_is_free_again_after_stopping(base_path):
    with DevelopmentServer() as first:
        first.start(ModelManager("m", base_path))
        port = int(first.address.rpartition(":")[2])
    with DevelopmentServer(port=port) as second:
        assert second.address == f"127.0.0.1:{port}"


class SlowServable(Servable):
    """Begins to compute when it is told to."""

    def __init__(self, path: Path, version: int) -> None:
        super().__init__(path, version)
        self.started, self.release = threading.Semaphore(0), threading.Event()
        self.computed = 0

    def run(self, signature, inputs, deadline=float("inf")):
        self.started.release()
        assert self.release.wait(20)
        outputs = super().run(signature, inputs, deadline)
        self.computed += 1
        return outputs


@pytest.fixture
def slow(base_path: Path) -> SlowServable:
    return SlowServable(base_path / "1", 1)


@pytest.fixture
def manager(base_path: Path, slow: SlowServable) -> ModelManager:
    loaded = ModelManager("sesrec", base_path, load=lambda path, number: slow)
    loaded.load_any()
    return loaded


@pytest.fixture
def busy(manager: ModelManager) -> Iterator[DevelopmentServer]:
    """One request is computed at a time, one may wait."""
    with DevelopmentServer(workers=1, max_pending=1, grace_seconds=20) as server:
        server.start(manager)
        yield server


def predict(channel: grpc.Channel, request: predict_pb2.PredictRequest, timeout: float = 20):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    return stub.Predict.future(request, timeout=timeout)


def test_requests_beyond_the_bound_are_refused_at_once(busy, slow, predict_request):
    with grpc.insecure_channel(busy.address) as channel:
        waiting = [predict(channel, predict_request)]
        assert slow.started.acquire(timeout=20)
        waiting.append(predict(channel, predict_request))
        # The second one has arrived when a further one is refused.
        while (refused := predict(channel, predict_request)).code() == grpc.StatusCode.OK:
            pass
        assert refused.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
        slow.release.set()
        assert [future.code() for future in waiting] == [grpc.StatusCode.OK] * 2


def test_request_beyond_its_deadline_is_not_computed(busy, slow, predict_request):
    with grpc.insecure_channel(busy.address) as channel:
        first = predict(channel, predict_request)
        assert slow.started.acquire(timeout=20)
        late = predict(channel, predict_request, timeout=0.2)
        assert late.code() == grpc.StatusCode.DEADLINE_EXCEEDED
        slow.release.set()
        assert first.code() == grpc.StatusCode.OK
        assert predict(channel, predict_request).code() == grpc.StatusCode.OK
    assert slow.computed == 2


def test_deadline_that_passed_in_the_queue(slow, predict_request):
    slow.release.set()
    with pytest.raises(StatusError) as caught:
        slow.predict(predict_request, time.monotonic() - 1)
    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED
    assert slow.computed == 0


def test_stopping_ends_what_is_under_way_and_refuses_the_rest(busy, slow, predict_request):
    status = get_model_status_pb2.GetModelStatusRequest()
    status.model_spec.name = "sesrec"
    with grpc.insecure_channel(busy.address) as channel:
        under_way = predict(channel, predict_request)
        assert slow.started.acquire(timeout=20)
        stopping = threading.Thread(target=busy.stop)
        stopping.start()
        models = model_service_pb2_grpc.ModelServiceStub(channel)
        codes = set()
        while grpc.StatusCode.UNAVAILABLE not in codes:
            with pytest.raises(grpc.RpcError) as caught:
                # Refused for want of a place until the server has heard of its end.
                models.GetModelStatus(status, timeout=0.5)
            codes.add(caught.value.code())
        assert predict(channel, predict_request).code() == grpc.StatusCode.UNAVAILABLE
        assert stopping.is_alive()
        slow.release.set()
        assert under_way.code() == grpc.StatusCode.OK
        stopping.join(20)
        assert not stopping.is_alive()
