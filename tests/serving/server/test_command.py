"""The server command as a process, with the client command against it."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2, prediction_service_pb2_grpc

from serving.server import command as server_command
from serving.server.development_server import DevelopmentServer
from sesrec_tf.errors import InputError
from sesrec_tf.version_layout import WARMUP_FILE

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


@contextmanager
def server_process(*flags: str) -> Iterator[subprocess.Popen[str]]:
    """The command on a free port; killed at the end if it still runs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "serving.server", "--port", "0", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_server_and_client_commands(base_path: Path, predict_request):
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(predict_request)
    (base_path / "1" / "assets.extra").mkdir()
    with tf.io.TFRecordWriter(str(base_path / "1" / WARMUP_FILE)) as writer:
        writer.write(log.SerializeToString())
    with server_process("--model-base-path", str(base_path)) as process:
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
    refused = run_module("serving.client", "--server", match[1], *REQUEST)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"error: server {match[1]}: UNAVAILABLE: ")
    assert refused.stderr.count("\n") == 1


def test_labels_batching_rest_and_a_new_version(base_path: Path, tmp_path: Path, predict_request):
    """Everything that flags switch on, in one process."""
    (tmp_path / "batching.config").write_text(
        "max_batch_size { value: 8 } pad_variable_length_inputs: true"
    )
    (tmp_path / "models.config").write_text(
        'model_config_list { config { name: "sesrec" base_path: "/models/sesrec" '
        'model_platform: "tensorflow" model_version_policy { all {} } '
        'version_labels { key: "stable" value: 1 } } }'
    )
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        rest_port = free.getsockname()[1]
    flags = [
        *("--model-config-file", str(tmp_path / "models.config")),
        *("--model-base-path", str(base_path), "--allow-version-labels-for-unavailable-models"),
        *("--enable-batching", "--batching-parameters-file", str(tmp_path / "batching.config")),
        *("--rest-api-port", str(rest_port), "--file-system-poll-wait-seconds", "0.1"),
    ]
    with server_process(*flags) as process:
        ready = process.stdout.readline()
        match = re.match(rf"ready: grpc://(\S+) http://127\.0\.0\.1:{rest_port} model ", ready)
        assert match, ready or process.stderr.read()
        predict_request.model_spec.version_label = "stable"
        with grpc.insecure_channel(match[1]) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            assert stub.Predict(predict_request, timeout=30).model_spec.version.value == 1
            shutil.copytree(base_path / "1", base_path / ".staging")
            (base_path / ".staging").rename(base_path / "2")
            predict_request.model_spec.ClearField("version_choice")
            while stub.Predict(predict_request, timeout=30).model_spec.version.value != 2:
                time.sleep(0.05)
        url = f"http://127.0.0.1:{rest_port}/v1/models/sesrec"
        with urllib.request.urlopen(url, timeout=30) as response:
            statuses = json.load(response)["model_version_status"]
        assert [(s["version"], s["state"]) for s in statuses] == [
            ("2", "AVAILABLE"),
            ("1", "AVAILABLE"),
        ]
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        assert (process.returncode, rest) == (0, "stopped\n"), errors
        assert "version 2 is served" in errors


def test_bad_warm_up_serves_nothing(base_path: Path, capsys, monkeypatch):
    # Should it serve all the same, the command would end at once instead of waiting for a signal.
    stopped = threading.Event()
    stopped.set()
    monkeypatch.setattr(server_command, "_stop_on_signals", lambda: stopped)
    (base_path / "1" / "assets.extra").mkdir()
    (base_path / "1" / WARMUP_FILE).write_bytes(b"damaged")
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


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([], "expected --model-base-path BASE or --model-config-file FILE"),
        (["--model-base-path", "BASE", "--batching-parameters-file", "x"], "--enable-batching"),
        (["--model-config-file", "absent"], "cannot read models from absent"),
    ],
)
def test_unusable_flags(flags, message):
    with pytest.raises(InputError, match=message):
        server_command.main(flags)


def test_labels_need_tf_serving_s_flag(base_path: Path, tmp_path: Path):
    (tmp_path / "models.config").write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{base_path}" '
        'model_platform: "tensorflow" version_labels { key: "stable" value: 1 } } }'
    )
    with pytest.raises(InputError, match="--allow-version-labels-for-unavailable-models"):
        server_command.main(["--model-config-file", str(tmp_path / "models.config"), "--port", "0"])
