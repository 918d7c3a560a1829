from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sesrec_tf.data.worker_processes import WorkerProcesses
from sesrec_tf.errors import InputError
from tests.data.process_tree import descendants, left_of
from tests.data.worker_tasks import (
    call,
    exit_abruptly,
    fail,
    fail_beside,
    square,
    wait_for,
    work_until_told,
)

PROGRAM = """\
import sys
from pathlib import Path
from sesrec_tf.data.worker_processes import WorkerProcesses
from tests.data.worker_tasks import work_until_told

if __name__ == "__main__":
    directory = Path(sys.argv[1])
    with WorkerProcesses.started(2) as workers:
        workers.run(work_until_told, [(directory, str(n)) for n in range(4)], lambda *_: None)
"""


def no_report(done: int, rows: int) -> None:
    pass


@pytest.fixture
def program(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process with two workers at work, which write to `tmp_path`; it prints to `printed`."""
    file = tmp_path / "program.py"
    file.write_text(PROGRAM)
    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [sys.executable, str(file), str(tmp_path)],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stderr=printed,
            start_new_session=True,
        )
    try:
        wait_for(tmp_path, "[0-9].[0-9]*", 2)
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("processes", [1, 2])
def test_results_come_in_the_order_of_the_tasks(processes: int) -> None:
    tasks = [(value, 0.05 * (5 - value)) for value in range(6)]
    reports: list[tuple[int, int]] = []
    with WorkerProcesses.started(processes) as workers:
        results = workers.run(square, tasks[:3], lambda *told: reports.append(told))
        results += workers.run(square, tasks[3:], lambda *told: reports.append(told))
    assert [result for result, _ in results] == [0, 1, 4, 9, 16, 25]
    own = {process for _, process in results}
    assert own == {os.getpid()} if processes == 1 else len(own - {os.getpid()}) in (1, 2)
    done, rows = zip(*reports, strict=True)
    assert max(done) <= 3
    assert list(rows) == sorted(rows)
    if processes == 2:
        assert reports[-1] == (3, 0 + 1 + 2 + 3 + 4 + 5)


def test_rows_are_counted_from_nothing_each_time() -> None:
    reports: list[tuple[int, int]] = []
    for _ in range(2):
        with WorkerProcesses.started(1) as workers:
            workers.run(square, [(2,), (3,), (4,)], lambda *told: reports.append(told))
    # Before each task, and when it counts.
    assert reports == [(0, 0), (0, 2), (1, 2), (1, 5), (2, 5), (2, 9)] * 2


@pytest.mark.parametrize("processes", [1, 2])
def test_there_may_be_no_tasks(processes: int) -> None:
    with WorkerProcesses.started(processes) as workers:
        assert workers.run(square, [], no_report) == []


@pytest.mark.parametrize("processes", [1, 2])
def test_an_error_keeps_its_details(processes: int) -> None:
    with (
        pytest.raises(InputError, match="no such file") as caught,
        WorkerProcesses.started(processes) as workers,
    ):
        workers.run(fail, [("no such file",)], no_report)
    assert caught.value.details == ("detail",)


def test_the_first_failure_ends_the_other_tasks(tmp_path: Path) -> None:
    tasks = [(work_until_told, (tmp_path, "slow")), (fail_beside, (tmp_path, "slow"))]
    with (
        pytest.raises(InputError, match="the first failure"),
        WorkerProcesses.started(2) as workers,
    ):
        workers.run(call, tasks, no_report)
    assert (tmp_path / "slow.ended").read_text() == "told"


def test_waiting_tasks_are_not_begun_after_a_failure(tmp_path: Path) -> None:
    tasks = [(fail, ("wrong",))]
    tasks += [(work_until_told, (tmp_path, str(number))) for number in range(50)]
    with pytest.raises(InputError, match="wrong"), WorkerProcesses.started(2) as workers:
        workers.run(call, tasks, no_report)
    # Workers, and what their queue holds ahead of them, may have been on their way.
    assert len(list(tmp_path.glob("*.ended"))) < 10


def test_a_process_that_ends_abruptly() -> None:
    with (
        pytest.raises(InputError, match=r"a worker process ended abruptly.*for 2 processes"),
        WorkerProcesses.started(2) as workers,
    ):
        workers.run(call, [(exit_abruptly, ()), (square, (1,))], no_report)


def test_a_process_that_ends_abruptly_while_tasks_are_handed_out() -> None:
    def tasks() -> Iterator[tuple[object, ...]]:
        yield exit_abruptly, ()
        for value in range(1000):
            time.sleep(0.02)
            yield square, (value,)

    with (
        pytest.raises(InputError, match=r"a worker process ended abruptly"),
        WorkerProcesses.started(2) as workers,
    ):
        workers.run(call, tasks(), no_report)


def test_workers_end_with_a_killed_parent(program: subprocess.Popen[bytes], tmp_path: Path) -> None:
    workers = {int(path.suffix[1:]) for path in tmp_path.glob("[0-9].[0-9]*")}
    started = descendants(program.pid)
    assert len(workers) == 2
    assert workers <= started
    program.kill()
    program.wait()
    assert left_of(started) == set()
    # They had no time to say how.
    assert list(tmp_path.glob("*.ended")) == []


def test_workers_end_with_an_interrupted_parent(
    program: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = descendants(program.pid)
    os.killpg(program.pid, signal.SIGINT)
    assert program.wait() == -signal.SIGINT
    assert left_of(started) == set()
    assert {path.read_text() for path in tmp_path.glob("*.ended")} == {"told"}
    # The parent alone has something to say.
    printed = (tmp_path / "printed").read_text("utf-8")
    assert printed.count("Traceback") == 1
    assert printed.strip().endswith("KeyboardInterrupt")
