"""Turns log tables into a prepared data set: `python -m pipelines.prepare`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.sources.registry import SOURCES
from pipelines.sources.source import Source
from sesrec_tf.command_line import run_command
from sesrec_tf.data.output_directory import require_free
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import (
    MIN_INSTANCES,
    NEGATIVE_DISTRIBUTIONS,
    SPLIT_RULES,
    TIME_UNITS,
    PrepareOptions,
)
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.data.progress_bar import progress_bar
from sesrec_tf.schema import SPLITS

DEFAULT_SOURCE = next(iter(SOURCES.values()))

EXAMPLES = """\
examples:
  python -m pipelines.prepare --interactions feed.csv.gz --searches searches.csv.gz \\
      --items items.csv --output data/shop
  python -m pipelines.prepare --interactions feed.parquet --searches searches.parquet \\
      --time-unit datetime --split time --valid-from 2024-03-01 --test-from 2024-03-08 \\
      --output data/spring
  python -m pipelines.prepare --source kuaisar --input KuaiSAR --min-count 5 \\
      --min-earlier-searches 1 --output data/kuaisar
  python -m pipelines.prepare --source amazon2014 --help
      the flags of another source

tables of the source `logs` (CSV with column names in the first line, or Parquet; .gz too):
  interactions  user_id, item_id, timestamp
  searches      user_id, session_id, query, source, clicked_item_ids, timestamp
  items         item_id and any categorical columns; "A > B" values are paths
  users         user_id and any categorical columns
"""


def parser(source: type[Source] = DEFAULT_SOURCE) -> argparse.ArgumentParser:
    """The flags with those of a source; defaults are those of `PrepareOptions`."""
    result = argparse.ArgumentParser(
        prog="python -m pipelines.prepare",
        description="Turns joint search and recommendation logs into a prepared data set.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_source_flag(result)
    source.add_flags(result.add_argument_group(f"source {source.name}", source.summary))
    output = result.add_argument_group("output")
    output.add_argument(
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="the prepared data set, a directory to appear",
    )
    output.add_argument("--overwrite", action="store_true", help="replace an earlier output")
    output.add_argument("--shards", type=int, help="record files a split (default: by size)")
    _add_split_flags(result, source.time_unit)
    _add_width_flags(result)
    _add_negative_flags(result)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the logs, prepares them and prints what came out.

    Raises:
        InputError: if a file, a flag or the output directory is unusable.
    """
    source = _chosen_source(argv)
    arguments = parser(source).parse_args(argv)
    output = arguments.output
    names = {field.name for field in fields(PrepareOptions)}
    options = PrepareOptions(**{k: v for k, v in vars(arguments).items() if k in names})
    require_free(output, INFO_FILE, options.overwrite)
    logs = source.from_arguments(arguments)
    with progress_bar(Console(stderr=True)) as report:
        report("reading the logs", 0.0)
        dataset = prepare(logs.read(), options, output, report)
    console = Console()
    console.print(summary(dataset))
    console.print(f"\nPrepared {output}. Next:\n")
    console.print(f"  python -m sesrec_tf.train --data {output}", soft_wrap=True, highlight=False)


def summary(dataset: PreparedDataset) -> Table:
    """The counts of a prepared data set."""
    info = dataset.info
    table = Table(title="Prepared data")
    table.add_column("")
    table.add_column("in the logs", justify="right")
    table.add_column("known (training)", justify="right")
    for name in ("users", "items", "queries"):
        table.add_row(name, f"{info['counts'][name]:,}", f"{info['vocabularies'][name]:,}")
    for name in ("words", "sources"):
        table.add_row(name, "", f"{info['vocabularies'][name]:,}")
    for name in ("search_actions", "recommendation_actions"):
        label = name.replace("_", " ")
        table.add_row(label, f"{info['counts'][name]:,}", f"{info['training'][name]:,}")
    table.add_section()
    table.add_row("instances", "written", "positive unknown", style="bold")
    for name in SPLITS:
        unknown = info["unknown_positives"][name]
        left_out = " (left out)" if name == "train" and unknown else ""
        table.add_row(name, f"{info['instances'][name]:,}", f"{unknown:,}{left_out}")
    return table


def _add_source_flag(result: argparse.ArgumentParser) -> None:
    """Which source; each has flags of its own, and no other source's flag is understood."""
    result.add_argument(
        "--source",
        choices=tuple(SOURCES),
        default=DEFAULT_SOURCE.name,
        help="; ".join(f"{name}: {source.summary}" for name, source in SOURCES.items())
        + f" (default: {DEFAULT_SOURCE.name})",
    )


def _chosen_source(argv: Sequence[str] | None) -> type[Source]:
    first = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    _add_source_flag(first)
    return SOURCES[first.parse_known_args(argv)[0].source]


def _add_split_flags(result: argparse.ArgumentParser, time_unit: str) -> None:
    flags = result.add_argument_group("instances and split")
    flags.add_argument(
        "--time-unit",
        choices=TIME_UNITS,
        default=time_unit,
        help="of the timestamps; `order` is a position in the user's sequence "
        f"(default: {time_unit})",
    )
    flags.add_argument(
        "--split",
        choices=SPLIT_RULES,
        default=PrepareOptions.split,
        help="a user's last instance tests and the second last validates, or by time "
        "(default: leave-last-out)",
    )
    flags.add_argument("--valid-from", metavar="T", help="first instant of validation (`time`)")
    flags.add_argument("--test-from", metavar="T", help="first instant of test (`time`)")
    _add_integer(flags, "min_earlier_searches", "searches that must precede an instance")
    flags.add_argument(
        "--min-instances",
        type=int,
        metavar="N",
        help="instances a user needs to validate and test (`leave-last-out`; "
        f"default: {MIN_INSTANCES})",
    )
    _add_integer(
        flags,
        "min_count",
        "rarer items, queries and words are unknown; training instances of such items are left out",
    )


def _add_width_flags(result: argparse.ArgumentParser) -> None:
    flags = result.add_argument_group("widths")
    _add_integer(flags, "max_rec", "most recent interactions kept in a history")
    _add_integer(flags, "max_searches", "most recent search sessions kept in a history")
    _add_integer(flags, "max_clicks", "first clicks of a session kept, at most")
    _add_integer(flags, "max_words", "first words of a query kept, at most")


def _add_negative_flags(result: argparse.ArgumentParser) -> None:
    flags = result.add_argument_group("frozen evaluation candidates")
    flags.add_argument(
        "--negatives",
        choices=NEGATIVE_DISTRIBUTIONS,
        default=PrepareOptions.negatives,
        help="how they are drawn from the training items (default: uniform)",
    )
    _add_integer(flags, "num_negatives", "negatives beside each positive")
    _add_integer(flags, "seed", "of the draw")


def _add_integer(flags: argparse._ArgumentGroup, name: str, meaning: str) -> None:
    default = getattr(PrepareOptions, name)
    flags.add_argument(
        "--" + name.replace("_", "-"),
        type=int,
        default=default,
        metavar="N",
        help=f"{meaning} (default: {default})",
    )


if __name__ == "__main__":
    run_command(main)
