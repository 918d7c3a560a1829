"""Results as a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from matplotlib.figure import Figure

from benchmarks.speed.subject import OWN, PEER
from sesrec_tf.files import new_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_COLOURS = {OWN: "tab:blue", PEER: "tab:orange"}
_CATALOGUE = "catalogue"
_INCHES_A_BAR = 0.28


def write_plot(path: Path, benchmarks: dict[str, dict[str, Any]]) -> None:
    """Writes a PNG: rates of every benchmark, and step time by the size of the catalogue.

    Args:
        path: of the file.
        benchmarks: results by name, as in `results.json`.
    """
    rates = {name: result for name, result in benchmarks.items() if name != _CATALOGUE}
    panels = [kind for kind in (rates, benchmarks.get(_CATALOGUE)) if kind]
    bars = sum(len(result["subjects"]) for result in rates.values())
    size = (7 * max(len(panels), 1), max(5, _INCHES_A_BAR * bars))
    figure = Figure(figsize=size, layout="constrained")
    for place, panel in enumerate(panels, 1):
        axes = figure.add_subplot(1, len(panels), place)
        if panel is rates:
            _draw_rates(axes, rates)
        else:
            _draw_catalogue(axes, benchmarks[_CATALOGUE])
    with new_file(path) as file:
        figure.savefig(file, format="png", dpi=120)


def _draw_rates(axes: Axes, results: dict[str, dict[str, Any]]) -> None:
    """A bar a subject, from the slowest to the fastest round."""
    bars = [
        (f"{name}: {subject['label']}", subject)
        for name, result in results.items()
        for subject in result["subjects"]
    ]
    for place, (_, subject) in enumerate(bars):
        rate = subject["examples_per_second"]
        spread = ([rate["median"] - rate["minimum"]], [rate["maximum"] - rate["median"]])
        axes.barh(place, rate["median"], xerr=spread, color=_COLOURS[subject["side"]], capsize=3)
    axes.set_yticks(range(len(bars)), [label for label, _ in bars])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("examples or users a second, median with the range of rounds")
    axes.set_title("sesrec_tf (blue) and the official code (orange)")


def _draw_catalogue(axes: Axes, result: dict[str, Any]) -> None:
    for side, label in ((OWN, "sesrec_tf, lazy_adam"), (PEER, "official code")):
        points = [subject for subject in result["subjects"] if subject["side"] == side]
        if not points:
            continue
        figures = [subject["figure"] for subject in points]
        middle = [figure["median"] for figure in figures]
        spread = (
            [figure["median"] - figure["minimum"] for figure in figures],
            [figure["maximum"] - figure["median"] for figure in figures],
        )
        items = [subject["items"] for subject in points]
        axes.errorbar(
            items, middle, yerr=spread, label=label, color=_COLOURS[side], marker="o", capsize=3
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("items")
    axes.set_ylabel(result["unit"])
    axes.set_title(result["title"])
    axes.legend()
