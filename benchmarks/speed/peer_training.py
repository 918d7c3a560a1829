"""The official code's training steps as a workload."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from typing import Any

from benchmarks.speed.official_code import OfficialCode
from benchmarks.speed.workload import repeated

CACHED_BATCHES = 8
"""Different batches of the model-only steps."""

_WARM_UP_SECONDS = 1.0


class PeerTraining:
    """Its steps, on a few batches collated beforehand or from its loaders.

    Args:
        job: as for `OfficialCode`, with `started` and `cached`.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        self._code = OfficialCode(job)
        self._batch_size = job["batch_size"]
        # Model-only batches are collated in this process.
        training, alignment = (0, 0) if job["cached"] else (job["loader_workers"], 1)
        self._code.recommender.model.train()
        batches = self._batches(training, alignment)
        built = time.monotonic()
        first = next(batches)
        self._code.step(*first)
        stepped = time.monotonic()
        self._stream = batches
        if job["cached"]:
            self._stream = itertools.cycle([first, *itertools.islice(batches, CACHED_BATCHES - 1)])
        self.facts = {
            **self._code.facts(),
            "start": {
                "imports": self._code.imported - job["started"],
                "model": built - self._code.imported,
                "first_call": stepped - built,
                "first_step": stepped - job["started"],
            },
        }
        for _ in range(3):
            self._one()
        self.round(_WARM_UP_SECONDS)

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        self._code.step(*next(self._stream))
        return self._batch_size

    def _batches(self, training: int, alignment: int) -> Iterator[tuple[Any, Any]]:
        """Endless full batches with their negatives of the alignment loss."""
        loader = self._code.training_loader(training)
        negatives = iter(self._code.alignment_loader(alignment))
        full = len(loader.dataset) // self._batch_size
        while True:
            for sample in itertools.islice(loader, full):
                yield sample, next(negatives)
