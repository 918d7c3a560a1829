"""The process that runs this project's workloads; started by `benchmarks.run`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.speed.own_evaluation import OwnEvaluation
from benchmarks.speed.own_input import OwnInput
from benchmarks.speed.own_metrics import OwnMetrics
from benchmarks.speed.own_training import OwnTraining
from benchmarks.speed.protocol import serve
from benchmarks.speed.workload import Workload
from sesrec_tf.errors import InputError

_WORKLOADS: dict[str, Callable[[dict[str, Any]], Workload]] = {
    "step": OwnTraining,
    "training": OwnTraining,
    "input": OwnInput,
    "evaluation": OwnEvaluation,
    "metrics": OwnMetrics,
}


def prepare(job: dict[str, Any]) -> Workload:
    """The workload of a job."""
    return _WORKLOADS[job["work"]]({**job, "cached": job["work"] == "step"})


if __name__ == "__main__":
    serve(prepare, (InputError,))
