"""The process that runs the official code's workloads; started by `benchmarks.run`.

It needs PyTorch and what the official code imports, none of this project's dependencies.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.speed.peer_evaluation import PeerEvaluation
from benchmarks.speed.peer_metrics import PeerMetrics
from benchmarks.speed.peer_training import PeerTraining
from benchmarks.speed.protocol import serve
from benchmarks.speed.workload import Workload

_WORKLOADS: dict[str, Callable[[dict[str, Any]], Workload]] = {
    "step": PeerTraining,
    "training": PeerTraining,
    "evaluation": PeerEvaluation,
    "metrics": PeerMetrics,
}


def prepare(job: dict[str, Any]) -> Workload:
    """The workload of a job."""
    return _WORKLOADS[job["work"]]({**job, "cached": job["work"] == "step"})


if __name__ == "__main__":
    serve(prepare)
