"""All benchmarks by name."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks.speed.log_profile import KINDLE, KUAISHOU, EventCounts, LogProfile
from benchmarks.speed.speed_benchmark import METRICS, RATE, STEP, SpeedBenchmark
from benchmarks.speed.subject import OWN, PEER, Subject
from sesrec_tf.config import Config
from sesrec_tf.errors import InputError

CATALOGUES = (10_000, 100_000, 1_000_000, 3_000_000)
"""Items of the benchmark `catalogue`."""

_OFFICIAL = "official"
_OPTIMIZERS = ("lazy_adam", "adam")


def benchmarks(peer: bool, scale: int = 1) -> dict[str, SpeedBenchmark]:
    """Every benchmark, with or without the official code."""
    kindle, kuaishou = KINDLE.scaled(scale), KUAISHOU.scaled(scale)
    sides = (OWN, PEER) if peer else (OWN,)
    found = [
        _steps("training_step", "Training step, batches in memory, Kindle sizes", kindle, sides),
        _training("training", "Training from the records, Kindle sizes", kindle, sides),
        _input(kindle),
        _work("evaluation", "Evaluation, 1 + 99 candidates, Kindle sizes", kindle, sides, RATE),
        _work("metrics", "Ranking metrics, 1 + 99 candidates", kindle, sides, METRICS),
        _catalogue(scale, sides),
        _steps(
            "kuaishou_step", "Training step, batches in memory, Kuaishou sizes", kuaishou, sides
        ),
        _training(
            "kuaishou_training", "Training from the records, Kuaishou sizes", kuaishou, sides
        ),
        _work("kuaishou_evaluation", "Evaluation, Kuaishou sizes", kuaishou, sides, RATE),
        _replicas(kindle),
        _scaling(scale),
    ]
    return {benchmark.name: benchmark for benchmark in found}


def chosen(available: dict[str, SpeedBenchmark], names: Sequence[str]) -> list[SpeedBenchmark]:
    """Those named, in the order of the suite; all for no name.

    Raises:
        InputError: for a name that none has.
    """
    unknown = [name for name in names if name not in available]
    if unknown:
        raise InputError(
            f"`--only` should name benchmarks: {', '.join(available)}. Received: {unknown[0]!r}."
        )
    return [value for name, value in available.items() if not names or name in names]


def _steps(name: str, title: str, profile: LogProfile, sides: Sequence[str]) -> SpeedBenchmark:
    subjects = _by_optimizer("step", profile, sides)
    return SpeedBenchmark(name, title, subjects, _against_official(subjects), STEP)


def _training(name: str, title: str, profile: LogProfile, sides: Sequence[str]) -> SpeedBenchmark:
    subjects = _by_optimizer("training", profile, sides)
    return SpeedBenchmark(name, title, subjects, _against_official(subjects), RATE)


def _by_optimizer(work: str, profile: LogProfile, sides: Sequence[str]) -> tuple[Subject, ...]:
    subjects = [Subject(each, OWN, work, profile, each) for each in _OPTIMIZERS]
    if PEER in sides:
        subjects.append(Subject(_OFFICIAL, PEER, work, profile))
    return tuple(subjects)


def _work(
    name: str, title: str, profile: LogProfile, sides: Sequence[str], unit: str
) -> SpeedBenchmark:
    """One subject a side; the work is the name's last part."""
    work = name.rpartition("_")[2]
    labels = {OWN: "sesrec_tf", PEER: _OFFICIAL}
    subjects = [Subject(labels[side], side, work, profile) for side in sides]
    return SpeedBenchmark(name, title, tuple(subjects), _against_official(subjects), unit)


def _against_official(subjects: Sequence[Subject]) -> tuple[tuple[str, str], ...]:
    official = [subject.label for subject in subjects if subject.side == PEER]
    return tuple(
        (subject.label, label) for subject in subjects for label in official if subject.side == OWN
    )


def _input(profile: LogProfile) -> SpeedBenchmark:
    subjects = (
        Subject("input", OWN, "input", profile),
        Subject("training step", OWN, "step", profile),
    )
    title = "Input pipeline beside the appetite of the model, Kindle sizes"
    return SpeedBenchmark("input", title, subjects, (("input", "training step"),), RATE)


def _catalogue(scale: int, sides: Sequence[str]) -> SpeedBenchmark:
    subjects, pairs = [], []
    for side in sides:
        name = {OWN: "lazy_adam", PEER: _OFFICIAL}[side]
        labels = [f"{name}, {items:,} items" for items in CATALOGUES]
        for label, items in zip(labels, CATALOGUES, strict=True):
            profile = KINDLE.with_items(items, 4_096, 256).scaled(scale)
            subjects.append(Subject(label, side, "step", profile))
        pairs += [(label, labels[0]) for label in labels[1:]]
    title = "Training step by the size of the catalogue, other sizes as Kindle"
    return SpeedBenchmark("catalogue", title, tuple(subjects), tuple(pairs), STEP, "time")


def _replicas(profile: LogProfile) -> SpeedBenchmark:
    subjects = tuple(
        Subject(label, OWN, "step", profile, replicas=number)
        for number, label in ((1, "1 replica"), (2, "2 replicas"))
    )
    title = "Training step of one global batch on logical CPUs"
    return SpeedBenchmark("replicas", title, subjects, (("2 replicas", "1 replica"),), STEP)


def _scaling(scale: int) -> SpeedBenchmark:
    """One size at a time different from Kindle's."""
    config, base = KINDLE.config, "Kindle sizes"
    longer = dataclasses.replace(config.history, rec_length=60, search_length=60)
    profiles = {
        base: KINDLE,
        "B = 512": _with(config.replace("training", batch_size=512)),
        "K = 20": _with(config.replace("training", negatives=19)),
        "N = 256": _with(config.replace("model", alignment_negatives=256)),
        "d = 64": _with(config.replace("model", item_width=64)),
        "T_r = T_s = 60": dataclasses.replace(
            _with(dataclasses.replace(config, history=longer)),
            feed=EventCounts(50.0, 2.0),
            searches=EventCounts(30.0, 2.0),
        ),
    }
    subjects = tuple(
        Subject(label, OWN, "step", profile.scaled(scale)) for label, profile in profiles.items()
    )
    pairs = tuple((label, base) for label in profiles if label != base)
    title = "Training step, one size at a time different from Kindle's"
    return SpeedBenchmark("scaling", title, subjects, pairs, STEP, "time")


def _with(config: Config) -> LogProfile:
    """Kindle's logs, fewer of them, with other settings."""
    return dataclasses.replace(KINDLE, config=config, train=8_192, valid=256)
