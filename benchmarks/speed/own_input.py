"""This project's input pipeline as a workload."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.own_devices import device_facts, strategy_over
from benchmarks.speed.workload import repeated
from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.training_batches import training_batches

_WARM_UP_SECONDS = 1.0


class OwnInput:
    """Training batches from the records, read as fast as they come.

    Args:
        job: `data`, `config`, `devices`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        config = Config.from_dict(job["config"])
        strategy_over(DeviceList.parse(job["devices"]))
        self.facts = device_facts()
        self._batches = iter(training_batches(PreparedDataset(Path(job["data"])), config))
        self._batch_size = config.training.batch_size
        self.round(_WARM_UP_SECONDS)

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        next(self._batches)
        return self._batch_size
