"""The worker's side of the talk with the benchmark: a line of JSON in, a line of JSON out.

No import but the standard library: workers also run in other Python environments.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.speed.workload import Workload

_PR_SET_PDEATHSIG = 1


def serve(
    prepare: Callable[[dict[str, Any]], Workload], expected: tuple[type[Exception], ...] = ()
) -> None:
    """Answers until the input ends.

    The first line is the job, answered by the workload's facts once it is set up. Every further
    one, `{"seconds": S}`, asks for a round, answered by its `seconds`, `steps` and `examples`, and
    the process's `peak_bytes` so far. An expected error is answered by its message.

    Args:
        prepare: from the job to a warm workload.
        expected: errors that a user can mend.
    """
    os.setpgrp()
    _die_with_parent()
    # Whatever prints goes to the log.
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())

    def answer(values: dict[str, Any]) -> None:
        answers.write(json.dumps(values) + "\n")
        answers.flush()

    try:
        workload = prepare(json.loads(sys.stdin.readline()))
        answer({"facts": workload.facts})
        for line in sys.stdin:
            answer(_round(workload, json.loads(line)["seconds"]))
    except expected as error:
        answer({"error": str(error)})
    # Neither threads of libraries nor loader processes are waited for.
    answers.flush()
    os.killpg(0, signal.SIGKILL)


def _round(workload: Workload, seconds: float) -> dict[str, Any]:
    start = time.perf_counter()
    steps, examples = workload.round(seconds)
    return {
        "seconds": time.perf_counter() - start,
        "steps": steps,
        "examples": examples,
        "peak_bytes": peak_bytes(),
    }


def peak_bytes() -> int:
    """The most memory that the process has held, without its children.

    Linux' own figure where there is one: `ru_maxrss` starts from what the parent held.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _die_with_parent() -> None:
    """On Linux, also while stopped; elsewhere the end of the input must do."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
