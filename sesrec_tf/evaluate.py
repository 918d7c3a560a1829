"""Evaluates a trained run on its frozen candidates, beside reference rankers."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.progress import track
from rich.table import Table

from sesrec_tf.command_line import run_command
from sesrec_tf.data.demo_truth import TRUTH_DIRECTORY
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.evaluation import Evaluation, evaluate_references
from sesrec_tf.evaluation.interest_report import interest_aucs
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.evaluation.report import metrics_table
from sesrec_tf.evaluation.scoring import ScoredSplit, SplitScorer
from sesrec_tf.evaluation.segments import BUCKET_STARTS, Segments
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.servable.servable_scorer import ServableScorer
from sesrec_tf.training.run_directory import RunDirectory

_EXAMPLES = """examples:
  python -m sesrec_tf.evaluate --run runs/first --split valid
  python -m sesrec_tf.evaluate --run runs/first --split test --by searches
  python -m sesrec_tf.evaluate --run runs/first --servable runs/first/export/1
"""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m sesrec_tf.evaluate",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--run", type=Path, required=True, help="a trained run")
    result.add_argument("--split", choices=("valid", "test"), default="test")
    result.add_argument("--data", type=Path, help="the prepared data set (default: the run's own)")
    result.add_argument("--by", choices=sorted(BUCKET_STARTS), help="metrics by segment as well")
    result.add_argument(
        "--servable", type=Path, help="score through this SavedModel, BASE/<version>"
    )
    result.add_argument("--batch-size", type=int, default=256, help="users a batch")
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    if arguments.batch_size < 1:
        raise InputError(
            f"`--batch-size` should be a positive integer. Received: {arguments.batch_size}."
        )
    console = Console()
    run = RunDirectory.open(arguments.run)
    prepared = PreparedDataset(arguments.data or run.data_path)
    run.check_same_data(prepared)
    model = load(run.path) if arguments.servable is None else None
    scored = _score(arguments, run, prepared, model, console)
    evaluation = Evaluation.of(scored.logits, scored.features)
    references = evaluate_references(prepared, arguments.split, run.config.history)
    rows = {name: found.metrics for name, found in references.items()}
    name = run.config.model.name
    stores = model is not None and run.content_hash == prepared.info.get("content_hash")
    if stores:
        _store(run, arguments.split, evaluation, references)
    if model is None:
        name = f"{name} ({arguments.servable})"
    rows[name] = evaluation.metrics
    title = f"{arguments.split}, {len(scored.logits):,} instances"
    console.print(metrics_table(rows, title, scored.logits.shape[1], evaluation.unknown_positives))
    if model is not None and not stores:
        console.print(
            f"not stored in {run.path}: {prepared.path} is not the data set it was trained on",
            highlight=False,
            soft_wrap=True,
            markup=False,
        )
    if model is not None and (prepared.path / TRUTH_DIRECTORY).is_dir():
        _report_interests(run, prepared, model, arguments.split, stores, console)
    if arguments.by:
        segments = Segments.from_dataset(prepared).metrics(evaluation.per_instance, arguments.by)
        console.print(_segment_table(segments, arguments.by))


def _score(
    arguments: argparse.Namespace,
    run: RunDirectory,
    prepared: PreparedDataset,
    model: RankingModel | None,
    console: Console,
) -> ScoredSplit:
    def progress(batches):  # type: ignore[no-untyped-def]
        total = -(-prepared.instances(arguments.split) // arguments.batch_size)
        return track(batches, "scoring", total=total, console=console, transient=True)

    if model is None:
        return ServableScorer(arguments.servable, run, prepared, arguments.batch_size)(
            arguments.split, progress
        )
    return SplitScorer(model, prepared, run.config.history, arguments.batch_size)(
        arguments.split, progress
    )


def _store(
    run: RunDirectory, split: str, evaluation: Evaluation, references: dict[str, Evaluation]
) -> None:
    evaluation.write(run.path / f"instances-{split}.parquet")
    rows = {name: found.metrics for name, found in references.items()}
    stored = run.metrics.get("references", {})
    run.write_metrics({split: evaluation.metrics, "references": {**stored, split: rows}})


def _report_interests(
    run: RunDirectory,
    prepared: PreparedDataset,
    model: RankingModel,
    split: str,
    stores: bool,
    console: Console,
) -> None:
    if getattr(model, "contrast", None) is None:
        return
    aucs = interest_aucs(model, prepared, split, run.config.history)
    if stores:
        run.write_metrics({"interest_auc": {**run.metrics.get("interest_auc", {}), split: aucs}})
    console.print(
        "AUC of co-attention for the truly similar events (chance 0.5): "
        f"feed {aucs['rec']:.3f}, search {aucs['search']:.3f}",
        highlight=False,
        soft_wrap=True,
    )


def _segment_table(segments: pd.DataFrame, by: str) -> Table:
    table = Table(title=f"by {by}", title_justify="left")
    table.add_column("segment")
    table.add_column("instances", justify="right")
    for name in METRICS:
        table.add_column(name.upper(), justify="right")
    for _, row in segments.iterrows():
        table.add_row(
            str(row["segment"]),
            f"{row['instances']:,}",
            *(f"{row[name]:.4f}" for name in METRICS),
        )
    return table


if __name__ == "__main__":
    run_command(main)
