"""Constants of a machine, from steps whose costs are counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.speed.cost_model import BatchCounts, StepCosts
from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class MeasuredStep:
    """A step with its costs.

    Attributes:
        label: for people.
        costs: counted.
        counts: of its batches.
        seconds: measured.
    """

    label: str
    costs: StepCosts
    counts: BatchCounts
    seconds: float


@dataclass(frozen=True)
class CostFit:
    """`seconds = flops / f + passes / p + fixed`.

    Attributes:
        flops_per_second: f, of products.
        floats_per_second: p, floats passed over between them.
        fixed_seconds: of a step on nothing.
    """

    flops_per_second: float
    floats_per_second: float
    fixed_seconds: float

    @classmethod
    def to(cls, steps: Sequence[MeasuredStep]) -> CostFit:
        """Least squares of the relative errors, with no constant below zero.

        Raises:
            InputError: for fewer steps than constants.
        """
        if len(steps) < 3:
            raise InputError(f"3 constants need at least 3 measured steps. Received: {len(steps)}.")
        rows = np.array([[s.costs.flops, s.costs.passes, 1.0] for s in steps])
        rows /= np.array([s.seconds for s in steps])[:, None]
        scale = rows.max(axis=0)
        found = _non_negative(rows / scale) / scale
        with np.errstate(divide="ignore"):
            return cls(float(1 / found[0]), float(1 / found[1]), float(found[2]))

    def seconds(self, costs: StepCosts) -> float:
        """Of a step."""
        products = costs.flops / self.flops_per_second
        return products + costs.passes / self.floats_per_second + self.fixed_seconds


def _non_negative(rows: np.ndarray) -> np.ndarray:
    """`x >= 0` with `rows x` nearest to ones: the best of all choices of columns left at zero."""
    best, least = np.zeros(rows.shape[1]), np.inf
    for choice in range(1, 1 << rows.shape[1]):
        columns = [c for c in range(rows.shape[1]) if choice >> c & 1]
        found = np.linalg.lstsq(rows[:, columns], np.ones(len(rows)), rcond=None)[0]
        error = float(np.square(rows[:, columns] @ found - 1).sum())
        if (found >= 0).all() and error < least:
            best, least = np.zeros(rows.shape[1]), error
            best[columns] = found
    return best
