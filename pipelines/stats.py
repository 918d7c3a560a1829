"""Describes a prepared data set: `python -m pipelines.stats`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from pipelines.stats_tables import tables
from sesrec_tf.command_line import run_command
from sesrec_tf.data.output_directory import published_directory, require_free
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.progress_bar import progress_bar
from sesrec_tf.data.search_origins import TYPED_SOURCES
from sesrec_tf.data.statistics import DatasetStatistics
from sesrec_tf.data.statistics_options import WINDOW_DAYS, StatisticsOptions
from sesrec_tf.files import write_json

STATS_FILE = "stats.json"
DEFAULT_OUTPUT = "stats"

EXAMPLES = f"""\
examples:
  python -m pipelines.stats --data data/shop
      prints the tables; data/shop/{DEFAULT_OUTPUT}/ gets {STATS_FILE} and the plots
  python -m pipelines.stats --data data/kuaisar --typed USER_INPUT VOICE --output reports/kuaisar
  python -m pipelines.stats --data data/shop --category category_2 brand --window-days 30
"""


def parser() -> argparse.ArgumentParser:
    """The flags; defaults are those of `StatisticsOptions`."""
    result = argparse.ArgumentParser(
        prog="python -m pipelines.stats",
        description="Counts (Table 1 of the paper), history lengths, item popularity, sources of "
        "searches, and searches dissimilar to the feed (Figure 1b), as tables, JSON and plots.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="a prepared data set"
    )
    result.add_argument(
        "--output",
        type=Path,
        metavar="DIR",
        help=f"a directory to appear, with {STATS_FILE} and the plots (default: "
        f"{DEFAULT_OUTPUT} in the data set, replaced each time)",
    )
    result.add_argument("--overwrite", action="store_true", help="replace an earlier output")
    result.add_argument(
        "--typed",
        nargs="+",
        metavar="SOURCE",
        help="sources of searches that users typed; any other is suggested, no source is unknown "
        f"(default: {', '.join(TYPED_SOURCES)})",
    )
    result.add_argument(
        "--category",
        nargs="+",
        metavar="ATTRIBUTE",
        help="item attributes by which searches are compared with the feed (default: category, or "
        "every level category_N)",
    )
    result.add_argument(
        "--window-days",
        type=int,
        default=WINDOW_DAYS,
        metavar="N",
        help=f"days of the feed before a search it is compared with (default: {WINDOW_DAYS})",
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Counts, prints and writes.

    Raises:
        InputError: if the data set, a flag or the output directory is unusable.
    """
    arguments = parser().parse_args(argv)
    options = StatisticsOptions(
        typed=None if arguments.typed is None else tuple(arguments.typed),
        categories=None if arguments.category is None else tuple(arguments.category),
        window_days=arguments.window_days,
    )
    dataset = PreparedDataset(arguments.data)
    output = arguments.output or arguments.data / DEFAULT_OUTPUT
    overwrite = arguments.overwrite or arguments.output is None
    require_free(output, STATS_FILE, overwrite)
    with progress_bar(Console(stderr=True)) as report:
        statistics = DatasetStatistics.of(dataset, options, report)
        report("counting", 0.9)
        summary = statistics.summary()
        with published_directory(output, STATS_FILE, overwrite) as directory:
            # Matplotlib takes a second to import: unusable data fails before.
            from pipelines.stats_plots import write_plots

            report("drawing", 0.95)
            plots = write_plots(statistics, directory)
            write_json(directory / STATS_FILE, {**summary, "plots": plots})
    console = Console()
    for table in tables(summary):
        console.print(table, "")
    for note in summary["notes"]:
        console.print(note, markup=False, highlight=False)
    console.print(f"Wrote {STATS_FILE} and {len(plots)} plots to {output}.", soft_wrap=True)


if __name__ == "__main__":
    run_command(main)
