from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import apache_beam as beam
import pytest

from pipelines.beam import execution
from pipelines.beam.execution import execute
from pipelines.beam.staging import Staging
from tests.data.process_tree import descendants, left_of
from tests.data.worker_tasks import wait_for
from tests.pipelines.beam.runners import IN_MEMORY, TWO_PROCESSES, environment, fn_api, portable


def await_file(_: object, path: str) -> None:
    while not Path(path).exists():
        time.sleep(0.01)


def fail(_: object) -> None:
    raise KeyError("the very one")


def test_tells_of_movement_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_SECONDS_BETWEEN_REPORTS", 0.0)
    calls = []

    def watch() -> None:
        calls.append(None)
        if len(calls) == 1:
            raise OSError("cannot look just now")
        (tmp_path / "seen").touch()

    running = beam.Pipeline(options=fn_api(IN_MEMORY))
    _ = running | beam.Create([0]) | beam.Map(await_file, str(tmp_path / "seen"))
    execute(running, watch)
    assert len(calls) >= 2


def test_an_error_keeps_its_type_here_and_its_text_elsewhere(endpoint: str) -> None:
    for options, kind in ((fn_api(IN_MEMORY), KeyError), (portable(endpoint), RuntimeError)):
        failing = beam.Pipeline(options=options)
        _ = failing | beam.Create([0]) | "Failing" >> beam.Map(fail)
        with pytest.raises(kind, match=r"(?s)the very one.*Failing"):
            execute(failing)
    # Beam's own words are heard again.
    assert logging.root.manager.disable == logging.NOTSET


def write_on_and_on(_: object, staging: Staging) -> None:
    for number in range(5_000):
        staging.write(b"", "some", str(number))
        time.sleep(0.001)


def test_no_thread_writes_any_more_after_an_interrupt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(execution, "_SECONDS_BETWEEN_REPORTS", 0.0)
    staging = Staging(str(tmp_path / "work"))

    def interrupt() -> None:
        if staging.listing("some"):
            raise KeyboardInterrupt

    running = beam.Pipeline(options=fn_api(IN_MEMORY))
    _ = running | beam.Create([0]) | beam.Map(write_on_and_on, staging)
    with pytest.raises(KeyboardInterrupt):
        execute(running, interrupt)
    staging.remove()
    time.sleep(0.2)
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("flags", "elsewhere", "working"),
    [(IN_MEMORY, False, 1), (TWO_PROCESSES, True, 2)],
    ids=["in memory", "two processes"],
)
def test_an_interrupted_preparation_leaves_nothing(
    flags: list[str], elsewhere: bool, working: int, tmp_path: Path
) -> None:
    marks, output, staging = tmp_path / "marks", tmp_path / "out", tmp_path / "staging"
    marks.mkdir()
    place = str(staging) if elsewhere else "-"
    command = [sys.executable, "-m", "tests.pipelines.beam.slow_preparation"]
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [*command, str(output / "data"), str(marks), place, *flags],
            env=environment(),
            stderr=printed,
            start_new_session=True,
        )
    try:
        # Each worker is at one part.
        wait_for(marks, "*.[0-9]*", working)
        started = descendants(process.pid)
        assert len(os.listdir(output)) == 1
        assert staging.exists() == elsewhere
        os.killpg(process.pid, signal.SIGINT)
        assert process.wait() == 130
    finally:
        process.kill()
        process.wait()
    # The workers may hear it too, and say so before they end.
    *others, last = (tmp_path / "printed").read_text("utf-8").splitlines()
    assert last == "stopped"
    assert working > 1 or not others
    assert left_of(started) == set()
    assert os.listdir(output) == []
    assert not elsewhere or os.listdir(staging) == []


def test_other_processes_are_spared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(execution, "_SECONDS_BETWEEN_REPORTS", 0.0)
    other = subprocess.Popen(["sleep", "600"])
    own: list[subprocess.Popen[bytes]] = []

    def watch() -> None:
        own.append(subprocess.Popen(["sleep", "600"]))
        raise LookupError

    running = beam.Pipeline(options=fn_api(IN_MEMORY))
    _ = running | beam.Create([0]) | beam.Map(lambda _: time.sleep(0.3))
    try:
        with pytest.raises(LookupError):
            execute(running, watch)
        assert own[0].wait() == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in [*own, other]:
            process.kill()
            process.wait()
