"""This project's ranking metrics as a workload."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.speed.workload import repeated
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics


class OwnMetrics:
    """The six metrics of random logits, over and over.

    Args:
        job: `users`, `candidates`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        shape = (job["users"], job["candidates"])
        self._logits = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        self.facts: dict[str, Any] = {"versions": {"numpy": np.__version__}}
        self._one()

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`; examples are users."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        RankingMetrics().calc(self._logits)
        return len(self._logits)
