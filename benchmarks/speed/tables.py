"""Results as tables in the terminal."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from benchmarks.speed.speed_benchmark import METRICS, RATE, STEP
from benchmarks.speed.spread import Spread

BUSY_CORES = 0.15
"""Cores kept busy by others from which figures are not to be trusted."""

_DIGITS = {STEP: 1, RATE: 0, METRICS: 3}
_SPREAD = ("median", "minimum", "maximum")


def result_table(result: dict[str, Any]) -> Table:
    """One row a subject; spreads are `median [minimum, maximum]` over rounds."""
    unit, subjects = result["unit"], result["subjects"]
    table = Table(title=result["title"], title_justify="left", caption_justify="left")
    table.caption = caption(result)
    table.add_column("subject", no_wrap=True)
    table.add_column(unit, justify="right")
    if unit == STEP:
        table.add_column("examples a second", justify="right")
    if result["ratios"]:
        table.add_column("x " + result["ratios"][0]["kind"], justify="right")
    trains = any("start" in subject for subject in subjects)
    for name in ("first step s", "model s", "first call s", "peak MB") if trains else ("peak MB",):
        table.add_column(name, justify="right")
    for subject in subjects:
        table.add_row(*_cells(subject, result, trains))
    return table


def caption(result: dict[str, Any]) -> str:
    """What the ratios are, and whether other processes were at work."""
    lines = []
    if result["ratios"]:
        kind = {"speed": "how many times as fast", "time": "how many times as long"}
        references = dict.fromkeys(ratio["to"] for ratio in result["ratios"])
        lines.append(f"x: {kind[result['ratios'][0]['kind']]} as {' or '.join(references)}")
    foreign = most_foreign(result)
    if foreign > BUSY_CORES:
        lines.append(
            f"Other processes kept up to {foreign:.1f} cores busy during rounds: figures and "
            "ratios are not to be trusted. Repeat on a quiet machine."
        )
    return "\n".join(lines)


def most_foreign(result: dict[str, Any]) -> float:
    """Cores that others kept busy in the worst round."""
    return max(
        each["foreign_cores"] or 0.0 for subject in result["subjects"] for each in subject["rounds"]
    )


def _cells(subject: dict[str, Any], result: dict[str, Any], trains: bool) -> list[str]:
    unit = result["unit"]
    cells = [subject["label"], _spread(subject["figure"], _DIGITS[unit])]
    if unit == STEP:
        cells.append(_spread(subject["examples_per_second"], 0))
    if result["ratios"]:
        found = [ratio for ratio in result["ratios"] if ratio["of"] == subject["label"]]
        cells.append(", ".join(_spread(ratio, 2) for ratio in found))
    if trains:
        start = subject.get("start")
        names = ("first_step", "model", "first_call")
        cells += [f"{start[name]:.1f}" if start else "" for name in names]
    return [*cells, f"{subject['peak_bytes'] / 2**20:,.0f}"]


def _spread(values: dict[str, Any], digits: int) -> str:
    return Spread(*(values[name] for name in _SPREAD)).text(digits)
