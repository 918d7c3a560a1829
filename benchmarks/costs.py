"""The cost of a training step by formula, fitted to measured steps, and what it predicts."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.speed.cost_fit import CostFit, MeasuredStep
from benchmarks.speed.cost_model import BatchCounts, StepCosts, table_bytes
from benchmarks.speed.log_profile import KUAISHOU
from benchmarks.speed.results_file import ResultsFile
from benchmarks.speed.suite import benchmarks
from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError

_EXAMPLES = """examples:
  python -m benchmarks.run --only scaling kuaishou_step
  python -m benchmarks.costs

Three constants are fitted to the steps of the benchmarks named above: floating point operations a
second of products, floats passed over a second between them, and the time of a step on nothing.
"""

FITTED = ("scaling", "kuaishou_step")
"""Benchmarks whose steps the formula is fitted to; dense steps also pass over whole tables."""

_ITEMS, _USERS, _INTERACTIONS = 10**8, 10**8, 10**9


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    steps = measured_steps(ResultsFile(arguments.results).benchmarks, arguments.results)
    fit = CostFit.to(steps)
    console = Console()
    console.print(_steps_table(steps, fit))
    console.print(
        f"{fit.flops_per_second / 1e9:.0f} GFLOP/s in products, "
        f"{fit.floats_per_second / 1e9:.2f} G floats/s between them, "
        f"{1000 * fit.fixed_seconds:.1f} ms for the step itself",
        highlight=False,
    )
    console.print(_prediction(steps, fit), highlight=False)


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.costs",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--results",
        type=Path,
        default=Path("benchmark-results/results.json"),
        metavar="FILE",
        help="what `benchmarks.run` wrote (default: %(default)s)",
    )
    return result


def measured_steps(results: dict[str, Any], path: Path) -> list[MeasuredStep]:
    """The steps of `FITTED` with their costs.

    Raises:
        InputError: if they were not measured.
    """
    missing = [name for name in FITTED if name not in results]
    if missing:
        raise InputError(
            f"{path} should hold the benchmarks {', '.join(FITTED)}. Received: none of "
            f"{', '.join(missing)}. Run `python -m benchmarks.run --only {' '.join(missing)}`."
        )
    return [step for name in FITTED for step in _steps_of(name, results[name])]


def _steps_of(name: str, result: dict[str, Any]) -> list[MeasuredStep]:
    profiles = {
        subject.label: subject.profile
        for subject in benchmarks(peer=False, scale=result["run"]["scale"])[name].subjects
        if subject.optimizer == "lazy_adam"
    }
    found = []
    for subject in result["subjects"]:
        profile = profiles.get(subject["label"])
        if profile is None or subject["side"] != "own":
            continue
        counts = BatchCounts(**subject["batch"])
        costs = StepCosts.of(profile.config, profile.sizes, counts)
        label = f"{name}: {subject['label']}"
        found.append(MeasuredStep(label, costs, counts, subject["figure"]["median"] / 1000))
    return found


def _steps_table(steps: Sequence[MeasuredStep], fit: CostFit) -> Table:
    table = Table(title="Steps, measured and by formula", title_justify="left")
    for name in ("", "GFLOP", "M floats", "M", "U_q", "U_c", "ms", "formula ms", "ratio"):
        table.add_column(name, justify="right" if name else "left")
    for step in steps:
        seconds = fit.seconds(step.costs)
        table.add_row(
            step.label,
            f"{step.costs.flops / 1e9:.2f}",
            f"{step.costs.passes / 1e6:.0f}",
            f"{step.counts.pairs:.0f}",
            f"{step.counts.queries:.0f}",
            f"{step.counts.clicked:.0f}",
            f"{1000 * step.seconds:.1f}",
            f"{1000 * seconds:.1f}",
            f"{seconds / step.seconds:.2f}",
        )
    return table


def _prediction(steps: Sequence[MeasuredStep], fit: CostFit) -> str:
    """What the formula says of 10⁸ items and users and 10⁹ interactions, at Kuaishou's widths."""
    kuaishou = next(step for step in steps if step.label.startswith("kuaishou"))
    sizes = dataclasses.replace(KUAISHOU.sizes, items=_ITEMS, users=_USERS)
    batch = KUAISHOU.config.training.batch_size
    seconds = fit.seconds(kuaishou.costs)
    width = KUAISHOU.config.model.item_width
    epoch_days = _INTERACTIONS / batch * seconds / 86_400
    return (
        f"{_ITEMS:.0e} items and {_USERS:.0e} users at Kuaishou's widths: tables with moments "
        f"{table_bytes(KUAISHOU.config, sizes) / 2**30:.0f} GiB, "
        f"{np.ceil(kuaishou.costs.rows):.0f} rows or "
        f"{kuaishou.costs.rows * width * 4 / 2**20:.1f} MiB of them a step; "
        f"{seconds * 1000:.0f} ms a step as before, {epoch_days:.0f} days of this machine for one "
        f"pass over {_INTERACTIONS:.0e} interactions"
    )


if __name__ == "__main__":
    run_command(main)
