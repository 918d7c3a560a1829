"""Talking to worker processes, and their deaths."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks.speed.worker_process import ROOT, WorkerProcess
from sesrec_tf.errors import InputError

WORKER = """
import os, sys, time
from benchmarks.speed.protocol import serve
from benchmarks.speed.workload import repeated

class Sleeper:
    def __init__(self, job):
        print("noise on stdout", flush=True)
        os.write(1, b"noise on the descriptor")
        if job["do"] == "refuse":
            raise KeyError("a reason")
        if job["do"] == "die":
            raise RuntimeError("the last words")
        self.do, self.facts = job["do"], {"process": os.getpid()}
    def step(self):
        if self.do == "exit later":
            os._exit(3)
        time.sleep(0.01)
        return 7
    def round(self, seconds):
        return repeated(self.step, seconds)

serve(Sleeper, (KeyError,))
"""


def worker(tmp_path: Path, do: str) -> WorkerProcess:
    return WorkerProcess("a sleeper", [sys.executable, "-c", WORKER], {"do": do}, tmp_path / "log")


def state(process: int) -> str:
    """Letter of a process's state: T is stopped, Z dead."""
    return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]


def gone(process: int) -> bool:
    """Whether a process is dead within a few seconds."""
    for _ in range(100):
        if not Path(f"/proc/{process}").exists() or state(process) == "Z":
            return True
        time.sleep(0.05)
    return False


def test_rounds(tmp_path):
    with worker(tmp_path, "work") as sleeper:
        answer = sleeper.round(0.1)
        process = sleeper.facts["process"]
        if sys.platform == "linux":
            assert state(process) == "T"
    assert answer["seconds"] >= 0.1
    assert 1 < answer["steps"] <= 11
    assert answer["examples"] == 7 * answer["steps"]
    assert answer["peak_bytes"] > 2**20
    assert gone(process)


def test_at_least_one_step(tmp_path):
    with worker(tmp_path, "work") as sleeper:
        assert sleeper.round(0.0001)["steps"] == 1


def test_a_refusal_is_the_users_to_mend(tmp_path):
    with pytest.raises(InputError, match="a sleeper: 'a reason'"):
        worker(tmp_path, "refuse")


def test_death_shows_the_end_of_the_log(tmp_path):
    with pytest.raises(InputError, match="worker of a sleeper ended with status 1") as caught:
        worker(tmp_path, "die")
    assert caught.value.details[-1] == "RuntimeError: the last words"


def test_death_in_a_round(tmp_path):
    with (
        worker(tmp_path, "exit later") as sleeper,
        pytest.raises(InputError, match="ended with status 3"),
    ):
        sleeper.round(0.1)


@pytest.mark.skipif(sys.platform != "linux", reason="stopped processes outlive others elsewhere")
def test_a_stopped_worker_dies_with_its_parent(tmp_path):
    parent = f"""
import os, signal, sys
from pathlib import Path
from benchmarks.speed.worker_process import WorkerProcess
worker = WorkerProcess("w", [sys.executable, "-c", {WORKER!r}], {{"do": "work"}},
                       Path({str(tmp_path / "log")!r}))
print(worker.facts["process"], flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", parent],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert gone(int(done.stdout))
