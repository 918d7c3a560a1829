"""The server command as a process, with the client command against it."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving import server as server_command
from serving.development_server import DevelopmentServer
from serving.warmup import REQUESTS_FILE
from sesrec_tf.errors import InputError

ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2", "COLUMNS": "200"}
REQUEST = ["--user", "u", "--rec-items", "i1", "--search", "q|s|k", "--candidates", "a", "b"]


def run_module(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *arguments],
        capture_output=True,
        text=True,
        env=ENVIRONMENT,
        timeout=60,
        check=False,
    )


def test_server_and_client_commands(base_path: Path, predict_request):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request)
    (base_path / "1" / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(base_path / "1" / REQUESTS_FILE)) as writer:
        writer.write(log.SerializeToString())
    command = [sys.executable, "-m", "serving.server", "--model-base-path", str(base_path)]
    process = subprocess.Popen(
        [*command, "--port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        ready = process.stdout.readline()
        match = re.fullmatch(
            r"ready: grpc://(127\.0\.0\.1:\d+) model sesrec version 1 "
            r"\(signatures serving_default\)\n",
            ready,
        )
        assert match, ready or process.stderr.read()
        client = run_module("serving.client", "--server", match[1], *REQUEST, "--json")
        assert client.returncode == 0, client.stderr
        (result,) = json.loads(client.stdout)
        assert sorted(row["candidate"] for row in result["ranking"]) == ["a", "b"]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        assert (process.returncode, rest) == (0, "stopped\n"), errors
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()
    refused = run_module("serving.client", "--server", match[1], *REQUEST)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: server {match[1]}: UNAVAILABLE: ")
    assert refused.stderr.count("\n") == 1


def test_bad_warm_up_serves_nothing(base_path: Path, capsys, monkeypatch):
    # Should it serve all the same, the command would end at once instead of waiting for a signal.
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(server_command, "_stop_on_signals", lambda: stopped)
    (base_path / "1" / "assets.extra").mkdir()
    (base_path / "1" / REQUESTS_FILE).write_bytes(b"damaged")
    with pytest.raises(InputError, match="version 1 is not served"):
        server_command.main(["--model-base-path", str(base_path), "--port", "0"])
    assert "ready" not in capsys.readouterr().out


def test_missing_base_path(tmp_path: Path):
    with pytest.raises(InputError, match="the model base path should be a directory"):
        server_command.main(["--model-base-path", str(tmp_path / "absent")])


def test_port_in_use(base_path: Path):
    with DevelopmentServer() as other:
        port = other.address.rpartition(":")[2]
        with pytest.raises(InputError, match="cannot listen on"):
            server_command.main(["--model-base-path", str(base_path), "--port", port])
