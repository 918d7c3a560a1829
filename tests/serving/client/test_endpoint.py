"""Retries, limits and settings of both clients, against a real gRPC server."""

from __future__ import annotations

import threading
import time

import grpc
import pytest

from serving.client.endpoint import Endpoint
from serving.client.model_selection import ModelSelection
from serving.client.ranking_client import RankingClient
from serving.client.serving_error import ServingError
from sesrec_tf.errors import InputError
from tests.serving.client.client_kinds import CLIENT_KINDS
from tests.serving.client.scripted_server import ScriptedServer

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(params=CLIENT_KINDS)
def make(request):
    return CLIENT_KINDS[request.param]


@pytest.fixture
def client(make, server):
    with make(server.address, timeout=20) as made:
        yield made


def test_unavailable_twice_then_ok(client, server):
    server.failures.extend([(UNAVAILABLE, "queue is full")] * 2)
    assert client.rank("u", (), (), ["a"])
    assert server.methods() == ["GetModelMetadata", *["Predict"] * 3]


def test_large_requests_are_retried_too(client, server):
    # gRPC keeps 256 KiB for retries unless told otherwise.
    server.failures.append((UNAVAILABLE, "queue is full"))
    candidates = [f"{'x' * 1000}{n}" for n in range(1000)]
    assert len(client.rank("u", (), (), candidates)) == 1000


def test_attempts_are_bounded(make, server):
    server.failures.extend([(UNAVAILABLE, "down")] * 9)
    with (
        make(server.address, retries=2) as client,
        pytest.raises(ServingError, match="UNAVAILABLE: down"),
    ):
        client.rank("u", (), (), ["a"])
    assert server.methods().count("Predict") == 3


def test_no_retries(make, server):
    server.failures.append((UNAVAILABLE, "down"))
    with make(server.address, retries=0) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE: down"):
            client.rank("u", (), (), ["a"])
        assert client.rank("u", (), (), ["a"])


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.name not in ("OK",)])
def test_nothing_else_is_retried(server, code):
    if code is UNAVAILABLE:
        return
    with RankingClient(server.address) as client:
        client.rank("u", (), (), ["a"])
        server.failures.append((code, "no"))
        with pytest.raises(ServingError, match=f"{code.name}: no") as caught:
            client.rank("u", (), (), ["a"])
    assert caught.value.code is code
    assert server.methods().count("Predict") == 2


def test_server_that_comes_up_late(make):
    with ScriptedServer() as gone:
        port = gone.port
    started = []

    def start():
        time.sleep(0.3)
        started.append(ScriptedServer(port))

    thread = threading.Thread(target=start)
    with make(f"127.0.0.1:{port}", retries=4, timeout=30) as client:
        thread.start()
        try:
            assert client.rank("u", (), (), ["a"])
        finally:
            thread.join()
            started[0].__exit__()


def test_client_outlives_a_restart(make):
    with ScriptedServer() as server, make(server.address, retries=4, timeout=30) as client:
        client.rank("u", (), (), ["a"])
        server.__exit__()
        with ScriptedServer(server.port):
            assert client.rank("u", (), (), ["a"])


def test_unreachable_server(make):
    with ScriptedServer() as gone:
        address = gone.address
    with (
        make(address, retries=1) as client,
        pytest.raises(ServingError, match="Is a server listening there") as caught,
    ):
        client.status()
    assert (caught.value.code, caught.value.target) == (UNAVAILABLE, address)
    assert isinstance(caught.value.__cause__, grpc.RpcError)


def test_retries_end_at_the_deadline(make, server):
    server.failures.extend([(UNAVAILABLE, "down")] * 99)
    with make(server.address, retries=4) as client:
        client.metadata()
        with pytest.raises(ServingError):
            client.rank("u", (), (), ["a"], timeout=0.3)
    # Attempts at 0, 0.2, 0.6, ... seconds, each 20% sooner or later.
    assert server.methods().count("Predict") < 4


def test_request_larger_than_the_limit(make, server):
    with make(server.address, max_request_bytes=2000) as client:
        with pytest.raises(ServingError, match=r"nothing was sent: .*`max_request_bytes`, 2,000"):
            client.rank("u", (), (), ["x" * 3000])
        assert "Predict" not in server.methods()
        assert client.rank("u", (), (), ["a"])


def test_answer_larger_than_the_limit(make, server):
    with make(server.address, max_response_bytes=3000) as client:
        with pytest.raises(
            ServingError, match=r"larger than `max_response_bytes`, 3,000"
        ) as caught:
            client.rank("u", (), (), [f"i{n}" for n in range(1000)])
        assert caught.value.code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert client.rank("u", (), (), ["a"])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"timeout": 0}, "`timeout`"),
        ({"timeout": float("nan")}, "`timeout`"),
        ({"retries": 5}, r"`retries` should be in \[0, 4\]"),
        ({"retries": -1}, "`retries`"),
        ({"max_request_bytes": 0}, "`max_request_bytes`"),
        ({"max_response_bytes": -1}, "`max_response_bytes`"),
        ({"version": 1, "version_label": "stable"}, "Received both"),
        ({"version": -1}, "`version`"),
        ({"version_label": ""}, "`version_label`"),
        ({"model_name": ""}, "`model_name`"),
        ({"target": "localhost"}, "HOST:PORT"),
    ],
)
def test_settings_out_of_range(make, settings, message):
    with pytest.raises(InputError, match=message):
        make(**{"target": "127.0.0.1:1", **settings})


def test_names_for_people():
    assert str(ModelSelection()) == "sesrec"
    assert str(ModelSelection("m", 3)) == "m version 3"
    assert str(ModelSelection("m", label="canary")) == "m 'canary'"
    assert Endpoint("grpc://h:1").target == "h:1"
