"""Retrieval and its two stages as tables for the terminal."""

from __future__ import annotations

from collections.abc import Mapping

from rich.table import Table

from sesrec_tf.evaluation.report import DIGITS
from sesrec_tf.evaluation.retrieval_recall import CUTOFFS
from sesrec_tf.evaluation.retrieval_stages import StageComparison

_COMPARED = ("ndcg@10", "hit@10", "mrr")


def recall_table(rows: Mapping[str, Mapping[str, Mapping[str, float]]], items: int) -> Table:
    """One row a split and system.

    Args:
        rows: `recall@k` by split and system.
        items: size of the catalogue.
    """
    table = Table(
        title=f"recall among all {items:,} items, those of the user's history left out",
        title_justify="left",
    )
    table.add_column("split")
    table.add_column("system")
    for k in CUTOFFS:
        table.add_column(f"RECALL@{k}", justify="right")
    for split, systems in rows.items():
        for system, values in systems.items():
            cells = (f"{values[f'recall@{k}']:.{DIGITS}f}" for k in CUTOFFS)
            table.add_row(split, system, *cells)
    return table


def stages_table(found: StageComparison, instances: int, retrieve: int) -> Table:
    """The two stages beside the whole catalogue.

    Args:
        found: the comparison.
        instances: of the split it was drawn from.
        retrieve: `N`, items retrieved.
    """
    drawn = f"{found.instances:,} of {instances:,}" if found.instances < instances else "all"
    table = Table(
        title=f"test, {drawn} instances, items of the user's history left out",
        title_justify="left",
        caption=f"positive among the {retrieve:,} retrieved: {found.retrieved:.{DIGITS}f}",
        caption_justify="left",
    )
    table.add_column("ranked")
    table.add_column("by")
    for name in _COMPARED:
        table.add_column(name.upper(), justify="right")
    table.add_column("SECONDS", justify="right")
    retrieved = f"{retrieve:,} retrieved items"
    for name, ranker, metrics, seconds in (
        (retrieved, "the head", found.retrieval, ""),
        (retrieved, "the model", found.two_stages, f"{found.two_stages_seconds:.1f}"),
        ("the whole catalogue", "the model", found.whole, f"{found.whole_seconds:.1f}"),
    ):
        cells = (f"{metrics[metric]:.{DIGITS}f}" for metric in _COMPARED)
        table.add_row(name, ranker, *cells, seconds)
    return table
