"""The statistics of a data set as tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.markup import escape
from rich.table import Table

from sesrec_tf.data.dissimilar_searches import VARIANTS
from sesrec_tf.data.history_lengths import QUANTILES, SIDES
from sesrec_tf.data.search_origins import ORIGINS
from sesrec_tf.data.statistics import TABLE_1

ABSENT = "-"
MAX_SOURCES = 20

_SIDE_NAMES = {"interactions": "feed", "searches": "searches"}
_QUANTILE_NAMES = {"0.5": "median", "1": "most"}


def tables(summary: dict[str, Any]) -> Iterator[Table]:
    """One table per subject.

    Args:
        summary: of `DatasetStatistics.summary`.
    """
    yield counts_table(summary)
    yield history_table(summary["history"])
    if any(row["source"] for row in summary["sources"]):
        yield sources_table(summary)
    if summary["dissimilar"]["categories"]:
        yield dissimilar_table(summary["dissimilar"])


def counts_table(summary: dict[str, Any]) -> Table:
    """Table 1 of the paper, density and popularity."""
    table = _table("Counts (Table 1)")
    table.add_column("")
    table.add_column("", justify="right")
    for name in TABLE_1:
        table.add_row(name.replace("_", " "), f"{summary['table_1'][name]:,}")
    table.add_section()
    table.add_row("distinct user-item pairs of the feed", f"{summary['distinct_pairs']:,}")
    table.add_row("density: those of all pairs", f"{summary['density']:.4%}")
    for side, name in (("interactions", "feed interactions"), ("clicks", "search clicks")):
        top = _percent(summary["popularity"][side]["top_share"]["0.1"])
        table.add_row(f"{name} of the top 10 % of items", top)
    return table


def history_table(history: dict[str, Any]) -> Table:
    """Earlier events of the instances; the number of instances stands below the split."""
    table = _table("History lengths of the instances, before cutting")
    table.add_column("split")
    table.add_column("earlier")
    shown = [f"{q:g}" for q in QUANTILES if q > 0]
    for name in ("mean", *(_QUANTILE_NAMES.get(q, f"{float(q):.0%}") for q in shown), "cut"):
        table.add_column(name, justify="right")
    for split, sides in history.items():
        for side, first in zip(SIDES, (split, f"{sides['instances']:,}"), strict=True):
            row = sides[side]
            table.add_row(
                *(
                    first,
                    _SIDE_NAMES[side],
                    ABSENT if row["mean"] is None else f"{row['mean']:.1f}",
                ),
                *(_count(row["quantiles"][name]) for name in shown),
                _percent(row["cut"]),
            )
        table.add_section()
    return table


def sources_table(summary: dict[str, Any]) -> Table:
    """Sources, most frequent first, and origins."""
    table = _table("Sources of searches")
    for name in ("source", "origin", "searches", "share"):
        table.add_column(name, justify="right" if name in ("searches", "share") else "left")
    rows = summary["sources"]
    for row in rows[:MAX_SOURCES]:
        name = escape(row["source"]) or "(no source)"
        table.add_row(name, row["origin"], f"{row['searches']:,}", _percent(row["share"]))
    if len(rows) > MAX_SOURCES:
        table.add_row(f"{len(rows) - MAX_SOURCES} others, see stats.json", "", "", "")
    table.add_section()
    for origin, row in summary["origins"].items():
        table.add_row("all", origin, f"{row['searches']:,}", _percent(row["share"]), style="bold")
    return table


def dissimilar_table(dissimilar: dict[str, Any]) -> Table:
    """Dissimilar shares by category level and origin."""
    days = dissimilar["window_days"]
    table = _table(f"Searches dissimilar to the feed, {days} days (Figure 1b)")
    table.caption = (
        "judged: some clicked item has a known category\n"
        "no feed: nothing in those days, so dissimilar\n"
        "any: no clicked category was in the feed\n"
        "all: not every clicked category was in the feed"
    )
    table.caption_justify = "left"
    table.add_column("category")
    table.add_column("searches")
    for name in ("judged", "no feed", *VARIANTS):
        table.add_column(name, justify="right")
    for name, rows in dissimilar["categories"].items():
        shown = [group for group in ORIGINS if rows[group]["judged"]]
        for group in ("searches", *shown):
            row = rows[group]
            table.add_row(
                *(name if group == "searches" else "", "all" if group == "searches" else group),
                *(_count(row["judged"]), _count(row["without_feed"])),
                *(_percent(row[variant]["share"]) for variant in VARIANTS),
            )
        table.add_section()
    return table


def _table(title: str) -> Table:
    return Table(title=title, title_justify="left", show_header=not title.startswith("Counts"))


def _percent(share: float | None) -> str:
    return ABSENT if share is None else f"{share:.1%}"


def _count(value: int | None) -> str:
    return ABSENT if value is None else f"{value:,}"
