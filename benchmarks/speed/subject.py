"""One thing to measure."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.generated_data import GeneratedData
from benchmarks.speed.generated_logs import NEGATIVES
from benchmarks.speed.log_profile import LogProfile
from benchmarks.speed.speed_options import SpeedOptions
from benchmarks.speed.worker_process import WorkerProcess
from sesrec_tf.schema import VocabularySizes

OWN, PEER = "own", "peer"

METRIC_USERS = {OWN: 10_000, PEER: 1_000}
"""Users whose metrics a side computes at once."""


@dataclass(frozen=True)
class Subject:
    """A workload of one side.

    Attributes:
        label: unique in its benchmark.
        side: `own` or `peer`.
        work: `step`, `training`, `input`, `evaluation` or `metrics`.
        profile: of the data.
        optimizer: of this project's training.
        replicas: logical CPUs instead of the devices of the options.
    """

    label: str
    side: str
    work: str
    profile: LogProfile
    optimizer: str = "lazy_adam"
    replicas: int | None = None

    def start(self, data: GeneratedData, options: SpeedOptions, log: Path) -> WorkerProcess:
        """Its worker, warm and waiting.

        Raises:
            InputError: if it dies or refuses.
        """
        environment: dict[str, str] = {}
        if self.side == OWN:
            command = [sys.executable, "-m", "benchmarks.speed.own_worker"]
            job = self._own_job(data, options)
        else:
            command = [options.peer_python, "-m", "benchmarks.speed.peer_worker"]
            job = self._peer_job(data, options)
            if self.work in ("training", "evaluation") and "OMP_WAIT_POLICY" not in os.environ:
                # Threads that spin at barriers take the cores that its loaders need. Alone, as in
                # the other works, they are the faster for spinning.
                environment = {"OMP_WAIT_POLICY": "PASSIVE"}
        return WorkerProcess(f"{self.label} ({self.work})", command, job, log, environment)

    def _metrics_job(self, options: SpeedOptions) -> dict[str, Any]:
        users = max(METRIC_USERS[self.side] // options.scale, 10)
        return {"work": self.work, "users": users, "candidates": 1 + NEGATIVES}

    def _own_job(self, data: GeneratedData, options: SpeedOptions) -> dict[str, Any]:
        if self.work == "metrics":
            return self._metrics_job(options)
        devices = options.devices
        if self.replicas is not None:
            devices = DeviceList("CPU", tuple(range(self.replicas)))
        config = self.profile.config.replace("training", optimizer=self.optimizer)
        return {
            "work": self.work,
            "data": str(data.prepared(self.profile)),
            "config": config.to_dict(),
            "devices": devices.names,
        }

    def _peer_job(self, data: GeneratedData, options: SpeedOptions) -> dict[str, Any]:
        if self.work == "metrics":
            return {**self._metrics_job(options), "peer": str(options.peer)}
        config = self.profile.config
        return {
            "work": self.work,
            "peer": str(options.peer),
            "data": str(data.peer_package(self.profile)),
            "profile": self.profile.name,
            "sizes": peer_constants(self.profile.sizes),
            "batch_size": config.training.batch_size,
            "negatives": config.training.negatives,
            "alignment_negatives": config.model.alignment_negatives,
            "loader_workers": options.peer_workers,
            "users": self.profile.peer_users,
        }


def peer_constants(sizes: VocabularySizes) -> dict[str, int]:
    """Vocabulary sizes under the official code's names, where it counts the padding of ids."""
    return {
        "item_id_num": sizes.items + 1,
        "user_id_num": sizes.users,
        "query_id_num": sizes.queries + 1,
        "query_word_segs_num": sizes.words + 1,
    }
