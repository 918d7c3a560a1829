"""The official code's metrics as a workload."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import numpy as np

from benchmarks.speed.workload import repeated

_METRICS = ["ndcg@5;10", "hit@1;5;10", "mrr"]


class PeerMetrics:
    """Its judger on random scores, over and over.

    Args:
        job: `peer`, `users`, `candidates`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        sys.dont_write_bytecode = True
        sys.path.insert(0, job["peer"])
        self._judger: Any = importlib.import_module("utils.metrics").judger()
        shape = (job["users"], job["candidates"])
        self._scores = list(np.random.default_rng(0).normal(size=shape).astype(np.float32))
        labels = np.zeros(shape, np.float32)
        labels[:, 0] = 1
        self._labels = list(labels)
        self.facts: dict[str, Any] = {"versions": {"numpy": np.__version__}}
        self._one()

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`; examples are users."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        self._judger.cal_metric(self._scores, self._labels, _METRICS)
        return len(self._scores)
