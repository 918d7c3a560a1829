"""Metrics of several systems as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from sesrec_tf.evaluation.bounds import check_bounds
from sesrec_tf.evaluation.ranking_metrics import METRICS

DIGITS = 4


def metrics_table(
    systems: Mapping[str, Mapping[str, float]],
    title: str,
    candidates: int = 100,
    unknown_positives: int = 0,
) -> Table:
    """One row per system, one column per metric, the best of each column in bold.

    Args:
        systems: metrics by name of the system, in the order of the rows.
        title: stands above the table.
        candidates: `K`, the length of the candidate lists.
        unknown_positives: instances whose positive is unknown, told below the table if any.

    Raises:
        MetricBoundsError: if a row is arithmetically impossible.
    """
    note = f"positives unknown to training: {unknown_positives:,}" if unknown_positives else None
    table = Table(title=title, title_justify="left", caption=note, caption_justify="left")
    table.add_column("system")
    for name in METRICS:
        table.add_column(name.upper(), justify="right")
    best = {name: max((row[name] for row in systems.values()), default=0.0) for name in METRICS}
    for system, row in systems.items():
        check_bounds(row, candidates)
        table.add_row(system, *(_cell(row[name], best[name]) for name in METRICS))
    return table


def _cell(value: float, best: float) -> str:
    text = f"{value:.{DIGITS}f}"
    return f"[bold]{text}[/bold]" if value == best else text
