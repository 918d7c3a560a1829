"""Retries, limits and settings of both clients, against a real gRPC server."""

from __future__ import annotations

import threading
import time

import grpc
import pytest

from serving.client.endpoint import Endpoint
from serving.client.ranking_client import RankingClient
from serving.client.serving_error import ServingError
from sesrec_tf.errors import InputError
from tests.serving.client.scripted_server import ScriptedServer

UNAVAILABLE = grpc.StatusCode.UNAVAILABLE


def test_unavailable_twice_then_ok(client, scripted):
    scripted.failures.extend([(UNAVAILABLE, "queue is full")] * 2)
    assert client.rank("u", (), (), ["a"])
    assert scripted.methods() == ["GetModelMetadata", *["Predict"] * 3]


def test_large_requests_are_retried_too(client, scripted):
    # gRPC keeps 256 KiB for retries unless told otherwise.
    scripted.failures.append((UNAVAILABLE, "queue is full"))
    candidates = [f"{'x' * 1000}{n}" for n in range(1000)]
    assert len(client.rank("u", (), (), candidates)) == 1000


def test_attempts_are_bounded(make, scripted):
    scripted.failures.extend([(UNAVAILABLE, "down")] * 9)
    with (
        make(scripted.address, retries=2) as client,
        pytest.raises(ServingError, match="UNAVAILABLE: down"),
    ):
        client.rank("u", (), (), ["a"])
    assert scripted.methods().count("Predict") == 3


def test_no_retries(make, scripted):
    scripted.failures.append((UNAVAILABLE, "down"))
    with make(scripted.address, retries=0) as client:
        with pytest.raises(ServingError, match="UNAVAILABLE: down"):
            client.rank("u", (), (), ["a"])
        assert client.rank("u", (), (), ["a"])


@pytest.mark.parametrize("code", [c for c in grpc.StatusCode if c.name not in ("OK",)])
def test_nothing_else_is_retried(scripted, code):
    if code is UNAVAILABLE:
        return
    with RankingClient(scripted.address) as client:
        client.rank("u", (), (), ["a"])
        scripted.failures.append((code, "no"))
        with pytest.raises(ServingError, match=f"{code.name}: no") as caught:
            client.rank("u", (), (), ["a"])
    assert caught.value.code is code
    assert scripted.methods().count("Predict") == 2


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
    with ScriptedServer() as scripted, make(scripted.address, retries=4, timeout=30) as client:
        client.rank("u", (), (), ["a"])
        scripted.__exit__()
        with ScriptedServer(scripted.port):
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


def test_retries_end_at_the_deadline(make, scripted):
    scripted.failures.extend([(UNAVAILABLE, "down")] * 99)
    with make(scripted.address, retries=4) as client:
        client.metadata()
        with pytest.raises(ServingError):
            client.rank("u", (), (), ["a"], timeout=0.3)
    # Attempts at 0, 0.2, 0.6, ... seconds, each 20% sooner or later.
    assert scripted.methods().count("Predict") < 4


def test_request_larger_than_the_limit(make, scripted):
    with make(scripted.address, max_request_bytes=2000) as client:
        with pytest.raises(ServingError, match=r"nothing was sent: .*`max_request_bytes`, 2,000"):
            client.rank("u", (), (), ["x" * 3000])
        assert "Predict" not in scripted.methods()
        assert client.rank("u", (), (), ["a"])


def test_answer_larger_than_the_limit(make, scripted):
    with make(scripted.address, max_response_bytes=3000) as client:
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
        ({"retries": 5}, r"`retries` should .*in \[0, 4\]"),
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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("target", None),
        ("target", b"127.0.0.1:1"),
        ("model_name", None),
        ("model_name", 7),
        ("version", "1"),
        ("version", True),
        ("version", 1.0),
        ("version_label", 7),
        ("timeout", "x"),
        ("timeout", True),
        ("timeout", None),
        ("retries", 1.5),
        ("retries", "3"),
        ("retries", False),
        ("max_request_bytes", 1e6),
        ("max_response_bytes", None),
        ("tls", "root.pem"),
        ("tls", True),
    ],
)
def test_settings_of_another_type(make, name, value):
    with pytest.raises(InputError, match=f"`{name}` should be .*Received: {value!r}"):
        make(**{"target": "127.0.0.1:1", name: value})


def test_a_closed_client(scripted):
    client = RankingClient(scripted.address, timeout=20)
    assert client.status()
    client.close()
    client.close()
    for call in (client.status, lambda: client.rank("u", (), (), ["a"])):
        with pytest.raises(InputError, match="cannot be used once it is closed"):
            call()


def test_scheme_of_grpc():
    assert Endpoint("grpc://h:1").target == "h:1"
