"""A comparison of several subjects in one run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.speed.subject import Subject

STEP, RATE, METRICS = "ms a step", "examples a second", "s for 10,000 users"


@dataclass(frozen=True)
class SpeedBenchmark:
    """Subjects whose rounds alternate, and which of them are compared.

    Attributes:
        name: on the command line.
        title: of its table.
        subjects: in the order of a round.
        pairs: labels of a subject and of the one that it is compared with.
        unit: of its figures: `STEP`, `RATE` or `METRICS`.
        ratio: `speed` (how many times as fast) or `time` (how many times as long).
    """

    name: str
    title: str
    subjects: tuple[Subject, ...]
    pairs: tuple[tuple[str, str], ...]
    unit: str
    ratio: str = "speed"
