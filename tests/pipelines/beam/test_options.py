from __future__ import annotations

import socket

import pytest
from apache_beam.options.pipeline_options import (
    DirectOptions,
    PortableOptions,
    StandardOptions,
)

from pipelines.beam import options
from pipelines.beam.options import beam_options
from sesrec_tf.errors import InputError


def test_flags_are_those_of_beam() -> None:
    found = beam_options("FnApiRunner", ["--direct_num_workers=3"], ["objectReuse=true"])
    assert found.view_as(StandardOptions).runner == "FnApiRunner"
    assert found.view_as(DirectOptions).direct_num_workers == 3
    # Only a runner's own job server knows it.
    assert "objectReuse" in str(found.get_all_options(retain_unknown_options=True))


@pytest.mark.parametrize(
    ("runner", "flags", "message"),
    [
        ("FnApiRunner", ["--direct_num_worker=2"], "did you mean --direct_num_workers"),
        ("FnApiRunner", ["--max-rejectd", "0"], r"--max-rejectd 0 \(did you mean --max-rejected"),
        ("FnApiRunner", ["--zzz=2"], r"^unrecognized arguments: --zzz=2\. Expected"),
        ("FnApiRunner", ["stray", "words"], "^unrecognized arguments: stray words"),
        ("FnApiRunner", ["--direct_num_workers=two"], "direct_num_workers: invalid int.*'two'"),
        ("FnApiRunner", ["--direct_num_workers"], "direct_num_workers: expected one argument"),
        ("FnApiRunner", ["--direct_running_mode=x"], "direct_running_mode: invalid choice"),
        ("NoRunner", [], "`--runner NoRunner` cannot be used.*FnApiRunner"),
        ("no.such.Runner", [], "No module named 'no'"),
        ("os.Runner", [], "has no attribute 'Runner'"),
        ("os.path", [], "cannot be used"),
        ("os.getcwd", [], "cannot be used"),
        ("DataflowRunner", [], "(?s)cannot be used.*Missing"),
        ("PortableRunner", [], "needs `--job_endpoint=HOST:PORT`"),
        ("portable", [], "needs `--job_endpoint=HOST:PORT`"),
    ],
)
def test_what_cannot_be_meant_is_refused(runner: str, flags: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        beam_options(runner, flags, ours=["--max-rejected", "--shards"])


def test_a_job_service_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(options, "_SECONDS_TO_ANSWER", 0.2)
    with socket.socket() as taken:
        # Bound, but nobody listens.
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(InputError, match=f"job_endpoint={endpoint}.: no job service answered"):
            beam_options("PortableRunner", [f"--job_endpoint={endpoint}"])


def test_a_running_job_is_listened_to_for_long(endpoint: str) -> None:
    flags = [f"--job_endpoint={endpoint}", "--environment_type=LOOPBACK"]
    found = beam_options("PortableRunner", flags).view_as(PortableOptions)
    assert found.job_endpoint == endpoint
    assert found.job_server_timeout >= 30 * 24 * 3600


@pytest.mark.parametrize("endpoint", ["embed", None])
def test_runners_with_a_job_service_of_their_own(endpoint: str | None) -> None:
    if endpoint is None:
        beam_options("FlinkRunner", [])
    else:
        beam_options("PortableRunner", [f"--job_endpoint={endpoint}"])
