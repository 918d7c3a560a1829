"""This project's evaluation as a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.own_devices import device_facts, strategy_over
from benchmarks.speed.workload import repeated
from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.training.compiled_model import compiled_model


class OwnEvaluation:
    """Scores the records of valid and averages the metrics, over and over.

    Args:
        job: `data`, `config`, `devices`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        prepared = PreparedDataset(Path(job["data"]))
        config = Config.from_dict(job["config"])
        strategy = strategy_over(DeviceList.parse(job["devices"]))
        model = compiled_model(config, prepared, strategy)
        self._scorer = SplitScorer(model, prepared, config.history)
        self.facts = device_facts()
        self._one()

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`; examples are users."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        logits = self._scorer("valid").logits
        RankingMetrics().calc(logits)
        return len(logits)
