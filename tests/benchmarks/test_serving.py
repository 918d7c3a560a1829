"""The load test, in small: real exports, real servers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import cold_start, hot_swap, serving
from benchmarks.ranking_requests import read_servable
from sesrec_tf.errors import InputError


def test_every_load_beside_the_bare_call(tiny_servable: Path, tmp_path: Path, capsys):
    output = tmp_path / "load.json"
    flags = ["--candidates", "3", "--seconds", "0.3", "--callers", "2"]
    serving.main(["--model", str(tiny_servable), *flags, "--output", str(output)])
    figures = json.loads(output.read_text())
    found = [(row["server"], row["load"].split()[0]) for row in figures["load"]]
    loads = ("1", "2", "open")
    assert found == [(server, load) for server in ("plain", "batching") for load in loads]
    for row in figures["load"]:
        assert row["failures"] == {}
        assert 0 < row["p50_ms"] <= row["p95_ms"] <= row["p99_ms"]
        assert row["p50_ratio"] == pytest.approx(row["p50_ms"] / row["bare_p50_ms"])
        assert row["throughput_ratio"] == pytest.approx(row["throughput"] / row["bare_throughput"])
    closed = figures["load"][1]["throughput"]
    assert figures["load"][2]["load"] == f"open {0.6 * closed:.0f}/s"
    assert figures["encode_once"][0]["gain"] > 1
    assert "Load on serving_default" in capsys.readouterr().out


def test_an_endpoint_needs_its_model():
    with pytest.raises(InputError, match="--server needs --model"):
        serving.main(["--server", "127.0.0.1:1"])


@pytest.mark.parametrize("flag", ["--seconds", "--callers", "--candidates", "--open-share"])
def test_numbers_are_positive(tiny_servable: Path, flag):
    with pytest.raises(InputError, match=r"should be positive\. Received: 0"):
        serving.main(["--model", str(tiny_servable), flag, "0"])


def test_no_model(tmp_path: Path):
    with pytest.raises(InputError, match="should be an exported version"):
        read_servable(tmp_path)


def test_cold_start(tiny_servable: Path, capsys):
    cold_start.main(["--model", str(tiny_servable), "--num-candidates", "5", "--repeats", "1"])
    printed = capsys.readouterr().out
    assert "with warm-up" in printed
    assert "without" in printed


def test_no_request_fails_while_versions_change(tiny_servable: Path, capsys):
    hot_swap.main(["--model", str(tiny_servable), "--swaps", "2", "--every", "0.5"])
    assert "the last by version 3; failed: none" in capsys.readouterr().out
