"""The deployed models.config, batching parameters and probe with a running server."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.client.ranking_client import RankingClient
from tests.serving.deploy.deploy_files import CONFIG

ENVIRONMENT = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}


@pytest.fixture(scope="module")
def ports(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[int, int]]:
    """gRPC and REST port of a server of version 1."""
    base_path = tmp_path_factory.mktemp("models")
    shutil.copytree(exported, base_path / "1")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        rest_port = free.getsockname()[1]
    with subprocess.Popen(
        [
            *(sys.executable, "-m", "serving.server", "--port", "0"),
            *("--rest-api-port", str(rest_port)),
            *("--model-config-file", CONFIG / "models.config", "--model-base-path", base_path),
            "--allow-version-labels-for-unavailable-models",
            *("--enable-batching", "--batching-parameters-file"),
            CONFIG / "batching_parameters.txt",
        ],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    ) as server:
        try:
            ready = next(line for line in server.stdout if line.startswith("ready:"))
            yield int(re.search(r"grpc://127\.0\.0\.1:(\d+)", ready)[1]), rest_port
        finally:
            server.send_signal(signal.SIGTERM)


@pytest.mark.parametrize(
    ("label", "code"), [("stable", 0), ("canary", 0), ("", 0), ("no such label", 1)]
)
def test_probe_follows_the_labels(ports, label, code):
    probe = subprocess.run(
        ["bash", CONFIG / "ready.sh"],
        env={**os.environ, "REST_PORT": str(ports[1]), "READY_LABEL": label},
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (probe.returncode, bool(probe.stderr)) == (code, bool(code))


def test_client_ranks_through_the_batcher(ports):
    with RankingClient(f"127.0.0.1:{ports[0]}") as client:
        ranked = client.rank("u", ["i1"], [], ["a", "b"])
    assert {candidate.candidate for candidate in ranked} == {"a", "b"}
    assert client.served_version == 1
