"""Rounds in alternation, and what they tell."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Protocol

from benchmarks.speed.generated_data import GeneratedData
from benchmarks.speed.speed_benchmark import METRICS, STEP, SpeedBenchmark
from benchmarks.speed.speed_options import SpeedOptions
from benchmarks.speed.spread import Spread, pairwise

Rounds = list[dict[str, Any]]


class Measurable(Protocol):
    """What has rounds."""

    def round(self, seconds: float) -> dict[str, Any]:
        """One, with its `seconds`, `steps` and `examples`."""
        ...


def alternate(
    subjects: Mapping[str, Measurable],
    repeats: int,
    seconds: float,
    report: Callable[[str], None],
) -> dict[str, Rounds]:
    """A round of every subject, one at a time, as often as asked: A B C A B C …"""
    rounds: dict[str, Rounds] = {label: [] for label in subjects}
    for number in range(1, repeats + 1):
        for label, subject in subjects.items():
            report(f"round {number} of {repeats}: {label}")
            rounds[label].append(subject.round(seconds))
    return rounds


def measure(
    benchmark: SpeedBenchmark,
    data: GeneratedData,
    options: SpeedOptions,
    logs: Path,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """Sets up every subject, lets them alternate, and compares.

    Args:
        benchmark: what to measure.
        data: of the run.
        options: how.
        logs: directory for what workers print.
        report: told what is under way.

    Returns:
        Plain JSON values: `title`, `unit`, `subjects` (facts, `rounds`, `figure`), `ratios`.

    Raises:
        InputError: if a worker dies or refuses.
    """
    with ExitStack() as stack:
        workers = {}
        for number, subject in enumerate(benchmark.subjects):
            report(f"{benchmark.name}: setting up {subject.label}")
            log = logs / f"{benchmark.name}-{number}.log"
            workers[subject.label] = stack.enter_context(subject.start(data, options, log))
        rounds = alternate(
            workers,
            options.repeats,
            options.seconds,
            lambda text: report(f"{benchmark.name}: {text}"),
        )
        facts = {label: worker.facts for label, worker in workers.items()}
    return summary(benchmark, rounds, facts)


def summary(
    benchmark: SpeedBenchmark, rounds: Mapping[str, Rounds], facts: Mapping[str, dict[str, Any]]
) -> dict[str, Any]:
    """Figures and ratios of a benchmark's rounds, see `measure`."""
    subjects = [
        {
            "label": subject.label,
            "side": subject.side,
            "work": subject.work,
            "items": subject.profile.sizes.items,
            **facts[subject.label],
            "rounds": rounds[subject.label],
            "figure": dataclasses.asdict(Spread.of(figures(benchmark.unit, rounds[subject.label]))),
            "examples_per_second": dataclasses.asdict(Spread.of(rates(rounds[subject.label]))),
            "peak_bytes": rounds[subject.label][-1]["peak_bytes"],
        }
        for subject in benchmark.subjects
    ]
    return {
        "title": benchmark.title,
        "unit": benchmark.unit,
        "subjects": subjects,
        "ratios": [
            _ratio(benchmark.ratio, of, to, rounds[of], rounds[to]) for of, to in benchmark.pairs
        ],
    }


def figures(unit: str, rounds: Sequence[dict[str, Any]]) -> list[float]:
    """Each round's figure in the unit of a benchmark."""
    if unit == STEP:
        return [1000 * each["seconds"] / each["steps"] for each in rounds]
    if unit == METRICS:
        return [10_000 / rate for rate in rates(rounds)]
    return rates(rounds)


def rates(rounds: Sequence[dict[str, Any]]) -> list[float]:
    """Each round's examples a second."""
    return [each["examples"] / each["seconds"] for each in rounds]


def _ratio(kind: str, of: str, to: str, own: Rounds, reference: Rounds) -> dict[str, Any]:
    if kind == "speed":
        values = pairwise(rates(own), rates(reference))
    else:
        values = pairwise(figures(STEP, own), figures(STEP, reference))
    return {
        "of": of,
        "to": to,
        "kind": kind,
        "rounds": values,
        **dataclasses.asdict(Spread.of(values)),
    }
