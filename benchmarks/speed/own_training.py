"""This project's training steps as a workload."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import tensorflow as tf

from benchmarks.speed.batch_counts import batch_counts
from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.own_devices import device_facts, strategy_over
from benchmarks.speed.workload import repeated
from sesrec_tf.config import Config
from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.negative_sampling import negatives_checked
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.training_batches import training_batches
from sesrec_tf.training.compiled_model import compiled_model
from sesrec_tf.training.strategy import distributed
from sesrec_tf.training.training_step import training_step

CACHED_BATCHES = 8
"""Different batches of the model-only steps."""

_WARM_UP_SECONDS = 1.0


class OwnTraining:
    """Steps as the trainer takes them, each ended by reading its losses.

    Args:
        job: `data`, `config`, `devices`, `started`; `cached` for steps on a few batches in memory
            instead of the stream from the records.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        imported = time.monotonic()
        self._prepared = PreparedDataset(Path(job["data"]))
        self._config = Config.from_dict(job["config"])
        strategy = strategy_over(DeviceList.parse(job["devices"]))
        model = compiled_model(self._config, self._prepared, strategy)
        self._batches = iter(distributed(self._dataset(job["cached"]), strategy))
        self._step = training_step(model, strategy)
        built = time.monotonic()
        self._one()
        stepped = time.monotonic()
        self.facts = {
            **device_facts(),
            "start": {
                "imports": imported - job["started"],
                "model": built - imported,
                "first_call": stepped - built,
                "first_step": stepped - job["started"],
            },
        }
        if job["cached"]:
            dataset = self._dataset(True).take(CACHED_BATCHES).as_numpy_iterator()
            self.facts["batch"] = batch_counts(features for features, _ in dataset)
        for _ in range(CACHED_BATCHES):
            self._one()
        self.round(_WARM_UP_SECONDS)

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        with records_checked(self._prepared, "train"), negatives_checked():
            for value in self._step(self._batches).values():
                float(value)
        return self._config.training.batch_size

    def _dataset(self, cached: bool) -> tf.data.Dataset:
        batches = training_batches(self._prepared, self._config)
        if cached:
            batches = batches.take(CACHED_BATCHES).cache().repeat()
        return batches
