"""Turns log tables into a prepared data set: `python -m pipelines.prepare`."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from pipelines.driver_flags import add_driver_flags, chosen_driver
from pipelines.prepare_flags import add_rule_flags, rules
from pipelines.sources.registry import SOURCES
from pipelines.sources.source import Source
from sesrec_tf.command_line import run_command
from sesrec_tf.data.output_directory import require_free
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.data.progress_bar import progress_bar
from sesrec_tf.data.rejected_rows import DIRECTORY
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.schema import SPLITS

PROGRAM = "python -m pipelines.prepare"
DEFAULT_SOURCE = next(iter(SOURCES.values()))

EXAMPLES = """\
examples:
  python -m pipelines.prepare --interactions feed.csv.gz --searches searches.csv.gz \\
      --items items.csv --output data/shop
  python -m pipelines.prepare --interactions feed.parquet --searches searches.parquet \\
      --time-unit datetime --split time --valid-from 2024-03-01 --test-from 2024-03-08 \\
      --output data/spring
  python -m pipelines.prepare --interactions 'feed/*.parquet' --searches 'searches/*.parquet' \\
      --output data/shop --runner FnApiRunner --direct_running_mode=multi_processing \\
      --direct_num_workers=4
  python -m pipelines.prepare --source kuaisar --input KuaiSAR --min-count 5 \\
      --min-earlier-searches 1 --output data/kuaisar
  python -m pipelines.prepare --source sesrec_release --input release/kindle \\
      --output data/kindle
  python -m pipelines.prepare --source amazon2014 --help
      the flags of another source

tables of the source `logs` (CSV with column names in the first line, or Parquet; .gz too;
a file, a directory, a quoted pattern or a URL each):
  interactions  user_id, item_id, timestamp
                (for the rules `given`: split, negative_item_ids)
  searches      user_id, session_id, query, source, clicked_item_ids, timestamp
  items         item_id and any categorical columns; "A > B" values are paths
  users         user_id and any categorical columns
"""


def parser(source: type[Source] = DEFAULT_SOURCE) -> argparse.ArgumentParser:
    """The flags with those of a source; defaults are those of `PrepareOptions`."""
    result = argparse.ArgumentParser(
        prog=PROGRAM,
        description="Turns joint search and recommendation logs into a prepared data set.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,  # What is not one of these flags may be one of Beam's.
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
    output.add_argument(
        "--shards",
        type=int,
        metavar="N",
        help=f"record files a split, at most {BUCKETS} (default: by size)",
    )
    add_rule_flags(result, source)
    add_driver_flags(result)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Reads the logs, prepares them and prints what came out.

    Raises:
        InputError: if a file, a flag or the output directory is unusable.
    """
    source = _chosen_source(argv)
    arguments, others = parser(source).parse_known_args(argv)
    output = arguments.output
    options = rules(arguments)
    driver = chosen_driver(arguments, others)
    require_free(output, INFO_FILE, options.overwrite)
    logs = source.from_arguments(arguments)
    with progress_bar(Console(stderr=True)) as report:
        dataset = prepare(logs, options, output, report, driver)
    console = Console()
    console.print(summary(dataset))
    for line in remarks(dataset):
        console.print(line, soft_wrap=True, highlight=False)
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


def remarks(dataset: PreparedDataset) -> list[str]:
    """What the counts do not show: rows that were not used, and ids without attributes."""
    info, found = dataset.info, []
    for table, rows in info["rows"].items():
        if rows["left_out"] or rows["rejected"]:
            found.append(f"{table}: {rows['used']:,} of {rows['read']:,} rows used")
            found += [f"  left out, {text}" for text in _counted(rows["left_out"])]
            found += [f"  rejected, {text}" for text in _counted(rows["rejected"])]
        if rows["rejected"]:
            found.append(f"  see {dataset.path / DIRECTORY / f'{table}.csv'}")
    for table, absent in info["without_attributes"].items():
        if absent:
            found.append(f"known {table} without a row in `{table}`: {absent:,}")
    unknown = sum(info["unknown_negatives"].values())
    if unknown:
        found.append(f"given negatives that no training row has: {unknown:,} (one index for all)")
    return found


def _counted(reasons: Mapping[str, int]) -> list[str]:
    return [f"{reason}: {count:,}" for reason, count in reasons.items()]


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
    first = argparse.ArgumentParser(prog=PROGRAM, add_help=False, allow_abbrev=False)
    _add_source_flag(first)
    return SOURCES[first.parse_known_args(argv)[0].source]


if __name__ == "__main__":
    run_command(main)
