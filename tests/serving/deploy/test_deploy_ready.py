"""`ready.sh` against answers as TensorFlow Serving's REST port gives them."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.serving.deploy.deploy_files import CONFIG

STATUS = "/v1/models/sesrec"
STABLE = "/v1/models/sesrec/labels/stable/metadata"


def status_of(**states: str) -> str:
    """A GetModelStatusResponse in protobuf's JSON, with the white space of TensorFlow Serving."""
    versions = [
        {"version": version, "state": state, "status": {"error_code": "OK", "error_message": ""}}
        for version, state in states.items()
    ]
    return json.dumps({"model_version_status": versions}, indent=1)


@contextmanager
def rest_server(answers: dict[str, tuple[int, str]]) -> Iterator[int]:
    """Answers GET of the given paths, and 404 otherwise; yields its port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            code, body = answers.get(self.path, (404, '{ "error": "unknown" }'))
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def run_probe(port: int, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", CONFIG / "ready.sh"],
        env={"PATH": os.environ["PATH"], "REST_PORT": str(port), **environment},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )


def test_ready_when_the_label_is_served():
    answers = {
        STATUS: (200, status_of(v1="AVAILABLE", v2="LOADING")),
        STABLE: (200, '{ "model_spec": { "name": "sesrec" } }'),
    }
    with rest_server(answers) as port:
        probe = run_probe(port)
    assert (probe.returncode, probe.stderr) == (0, "")


def test_not_ready_while_only_another_version_is_served():
    answers = {
        STATUS: (200, status_of(v1="LOADING", v2="AVAILABLE")),
        STABLE: (404, '{ "error": "Servable not found for request: Specific(sesrec, 1)" }'),
    }
    with rest_server(answers) as port:
        probe = run_probe(port)
    assert probe.returncode == 1
    assert "label 'stable' is not served" in probe.stderr
    assert "LOADING" in probe.stderr


@pytest.mark.parametrize("state", ["START", "LOADING", "UNLOADING", "END"])
def test_not_ready_without_an_available_version(state):
    with rest_server({STATUS: (200, status_of(v1=state))}) as port:
        probe = run_probe(port)
    assert probe.returncode == 1
    assert "no version of sesrec is AVAILABLE" in probe.stderr
    assert state in probe.stderr


def test_not_ready_when_the_model_is_unknown():
    with rest_server({}) as port:
        assert run_probe(port).returncode == 1


def test_not_ready_when_nothing_listens():
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        probe = run_probe(unused.getsockname()[1])
    assert probe.returncode == 1
    assert "nothing listens" in probe.stderr
