"""The plots of `python -m pipelines.stats`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, PercentFormatter, SymmetricalLogLocator

from sesrec_tf.data.dissimilar_searches import VARIANTS
from sesrec_tf.data.history_lengths import SIDES, at_least
from sesrec_tf.data.item_popularity import by_rank
from sesrec_tf.data.search_origins import ORIGINS
from sesrec_tf.data.statistics import DatasetStatistics

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DOTS_PER_INCH = 150
MAX_SOURCES = 15
FEW_SEARCHES = 30
"""Below this many searches a share says little."""

# Okabe and Ito's palette, told apart by colour-blind readers.
BLUE, ORANGE, GREEN, PURPLE, GREY = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#7F7F7F"
COLORS = (BLUE, ORANGE, GREEN, PURPLE)
MARKERS = ("o", "s", "^", "D")
SIDE_COLORS = dict(zip(SIDES, (BLUE, ORANGE), strict=True))
ORIGIN_COLORS = dict(zip(ORIGINS, (BLUE, ORANGE, GREY), strict=True))
SIDE_NAMES = {"interactions": "feed interactions", "searches": "searches"}


def write_plots(statistics: DatasetStatistics, directory: Path) -> list[str]:
    """Draws what there is to draw.

    A plot of sources needs a search with a source, one of dissimilar searches a judged search.

    Args:
        statistics: to draw.
        directory: gets one PNG per plot.

    Returns:
        The names of the files.
    """
    plots: dict[str, Callable[[DatasetStatistics], Figure]] = {
        "history_lengths.png": history_lengths,
        "item_popularity.png": item_popularity,
    }
    if any(statistics.origins.sources):
        plots["sources.png"] = sources
    if any(judged.judged.any() for judged in statistics.dissimilar.values()):
        plots["dissimilar_searches.png"] = dissimilar_searches
    for name, draw in plots.items():
        # A `Figure` of its own draws with Agg: no window, no global state.
        draw(statistics).savefig(directory / name, dpi=DOTS_PER_INCH)
    return list(plots)


def history_lengths(statistics: DatasetStatistics) -> Figure:
    """The share of instances with at least n earlier events, by side and split."""
    figure = _figure(10)
    for axes, side in zip(figure.subplots(1, 2, sharey=True), SIDES, strict=True):
        for color, (split, sides) in zip(COLORS, statistics.lengths.lengths.items(), strict=False):
            lengths, shares = at_least(sides[side])
            if len(lengths) and lengths[0] > 0:
                lengths, shares = np.append(0, lengths), np.append(1.0, shares)
            axes.step(lengths, shares, where="pre", color=color, label=split, linewidth=1.8)
        kept = statistics.lengths.kept[side]
        axes.axvline(kept, color=GREY, linestyle=":", label=f"kept in records: {kept}")
        _count_axis(axes)
        axes.set_title(SIDE_NAMES[side].capitalize())
        axes.set_xlabel(f"earlier {SIDE_NAMES[side]} n")
        axes.legend()
    figure.axes[0].set_ylabel("instances with at least n")
    _share_axis(figure.axes[0])
    figure.suptitle("History lengths of the ranking instances")
    return figure


def item_popularity(statistics: DatasetStatistics) -> Figure:
    """Events of an item against its rank, both axes logarithmic."""
    figure = _figure(6.5)
    axes = figure.subplots()
    for side, name in zip(SIDES, ("feed interactions", "search clicks"), strict=True):
        counts = getattr(statistics.popularity, "interactions" if side == SIDES[0] else "clicks")
        ranked = by_rank(counts)
        label = f"{name} ({len(ranked):,} items)"
        axes.plot(range(1, len(ranked) + 1), ranked, color=SIDE_COLORS[side], label=label)
    axes.set(xscale="log", yscale="log", xlabel="rank of the item", ylabel="events of the item")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(_whole_numbers())
    axes.grid(which="major", alpha=0.3)
    axes.legend()
    figure.suptitle("Item popularity")
    return figure


def sources(statistics: DatasetStatistics) -> Figure:
    """The share of every source, coloured by origin; rare ones are told as one bar."""
    rows = statistics.origins.source_summary()
    rest = rows[MAX_SOURCES:]
    bars = [(row["source"] or "(no source)", row["origin"], row["share"]) for row in rows]
    bars = bars[:MAX_SOURCES]
    if rest:
        bars.append((f"{len(rest)} others", "", sum(row["share"] for row in rest)))
    figure = _figure(7, 1.9 + 0.36 * len(bars))
    axes = figure.subplots()
    for place, (name, origin, share) in enumerate(bars):
        axes.barh(place, share, color=ORIGIN_COLORS.get(origin, "#CFCFCF"))
        axes.annotate(
            f"{share:.1%}", (share, place), (4, 0), textcoords="offset points", va="center"
        )
        bars[place] = (name if len(name) <= 30 else name[:29] + "…", origin, share)
    axes.set_yticks(range(len(bars)), [name for name, _, _ in bars])
    # Names are the log's own: a dollar sign in one is no formula.
    for label in axes.get_yticklabels():
        label.set_parse_math(False)
    axes.set_ylim(len(bars) - 0.4, -0.6)
    axes.set_xlim(0, 1.15 * max(share for _, _, share in bars))
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("share of all searches")
    summary = statistics.origins.summary()
    present = [name for name in ORIGINS if summary[name]["searches"]]
    handles = [axes.barh(0, 0, color=ORIGIN_COLORS[name]) for name in present]
    labels = [f"{name} {summary[name]['share']:.1%}" for name in present]
    figure.legend(handles, labels, loc="outside lower center", ncols=len(present))
    figure.suptitle("Sources of searches")
    return figure


def dissimilar_searches(statistics: DatasetStatistics) -> Figure:
    """The dissimilar share against the number of earlier interactions, by category level."""
    figure = _figure(10, 4.8)
    titles = {
        "any": "“any”: no clicked category was in the feed",
        "all": "“all”: not every clicked category was",
    }
    for axes, variant in zip(figure.subplots(1, 2, sharey=True), VARIANTS, strict=True):
        _draw_dissimilar(axes, statistics, variant)
        axes.set_title(titles[variant])
        axes.set_xlabel("earlier feed interactions of the user")
        axes.grid(alpha=0.3)
        axes.legend()
    figure.axes[0].set_ylabel("dissimilar share of the judged searches")
    _share_axis(figure.axes[0])
    days = statistics.options.window_days
    unit = "day" if days == 1 else "days"
    figure.suptitle(f"Searches dissimilar to the feed of the {days} {unit} before them")
    return figure


def _draw_dissimilar(axes: Axes, statistics: DatasetStatistics, variant: str) -> None:
    """One line per category level; points of few searches are left white."""
    earlier = statistics.events.searches.earlier_interactions
    ticks: dict[int, str] = {}
    few_searches = False
    for number, (name, judged) in enumerate(statistics.dissimilar.items()):
        rows = judged.by_history(earlier)
        if not rows:
            continue
        total = judged.summary(judged.judged)[variant]["share"]
        color, marker = COLORS[number % len(COLORS)], MARKERS[number // len(COLORS) % len(MARKERS)]
        places = [row["to"].bit_length() for row in rows]
        axes.plot(
            *(places, [row[variant] for row in rows]),
            color=color,
            marker=marker,
            label=f"{name} ({total:.1%} overall)",
        )
        for place, row in zip(places, rows, strict=True):
            few = row["judged"] < FEW_SEARCHES
            few_searches |= few
            inside = "white" if few else color
            axes.plot(place, row[variant], marker, color=color, markerfacecolor=inside, zorder=3)
            both = f"{row['from']:,}-{row['to']:,}"
            ticks[place] = both if row["from"] < row["to"] else f"{row['from']:,}"
    if few_searches:
        axes.plot(
            [], [], "o", color=GREY, markerfacecolor="white", label=f"< {FEW_SEARCHES} searches"
        )
    axes.set_xticks(list(ticks), list(ticks.values()), rotation=45 if len(ticks) > 7 else 0)


def _figure(width: float, height: float = 4.5) -> Figure:
    """Inches."""
    return Figure(figsize=(width, height), layout="constrained")


def _count_axis(axes: Axes) -> None:
    """A logarithmic axis of counts that has room for 0."""
    axes.set_xscale("symlog", linthresh=1, linscale=0.4)
    axes.set_xlim(left=0)
    axes.xaxis.set_major_locator(SymmetricalLogLocator(base=10, linthresh=1, subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(_whole_numbers())
    axes.grid(alpha=0.3)


def _share_axis(axes: Axes) -> None:
    axes.set_ylim(0, 1.03)
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))


def _whole_numbers() -> FuncFormatter:
    return FuncFormatter(lambda value, _: f"{value:,.0f}")
