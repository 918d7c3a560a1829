"""Trains a retrieval head on a finished run and reports it, alone and before the ranking model."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.retrieval import require_recommenders
from sesrec_tf.retrieval_job import RetrievalJob
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import head_directory
from sesrec_tf.training.run_directory import RunDirectory

_EXAMPLES = """examples:
  python -m sesrec_tf.retrieve --run runs/first
      train a head with the default settings into RUN/retrieval
  python -m sesrec_tf.retrieve --run runs/first --force --width 32 --temperature 0.1
      train another one in its place
  python -m sesrec_tf.retrieve --run runs/first --force --retrieve 200 --users 0
      200 items to rank, and no comparison with ranking the whole catalogue

A head belongs to the ranking weights it was trained on, which stay as they are. Publish both:
  python -m sesrec_tf.export --run runs/first --top-k 20 --retrieve 500
"""

_HELP = {
    "width": "length of the vectors",
    "hidden_units": "width of the hidden layer of either tower",
    "temperature": "of the softmax",
    "dropout": "rate after the hidden layers",
    "learning_rate": "of Adam",
    "batch_size": "positives a step, each the negative of the others' users",
    "epochs": "passes over the training instances, unless training stops early",
    "patience": "epochs without a better validation recall@100 before training stops",
    "seed": "of every random draw",
}


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m sesrec_tf.retrieve",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--run", type=Path, required=True, metavar="DIR", help="a trained run")
    result.add_argument("--data", type=Path, help="the prepared data set (default: the run's own)")
    result.add_argument("--force", action="store_true", help="replace the head that the run has")
    result.add_argument(
        "--retrieve",
        type=int,
        default=500,
        metavar="N",
        help="items to retrieve where both stages are reported (default: %(default)s)",
    )
    result.add_argument(
        "--users",
        type=int,
        default=1000,
        metavar="N",
        help="test instances, drawn at random, on which the two stages are compared with ranking "
        "the whole catalogue, which is slow; 0: no comparison (default: %(default)s)",
    )
    group = result.add_argument_group("settings of the head")
    for field in dataclasses.fields(RetrievalConfig):
        group.add_argument(
            f"--{field.name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            help=f"{_HELP[field.name]} (default: %(default)s)",
        )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    config = RetrievalConfig(**{name: getattr(arguments, name) for name in RetrievalConfig.names()})
    if arguments.users < 0 or arguments.retrieve < 1:
        raise InputError(
            "`--users` should not be negative and `--retrieve` should be positive. Received: "
            f"--users {arguments.users} --retrieve {arguments.retrieve}."
        )
    require_recommenders()
    run = RunDirectory.open(arguments.run)
    _refuse_head(run, arguments.force)
    prepared = PreparedDataset(arguments.data or run.data_path)
    _require_own_data(run, prepared)
    RetrievalJob(run, prepared, config, arguments.retrieve, arguments.users, Console()).execute()


def _refuse_head(run: RunDirectory, force: bool) -> None:
    if head_directory(run).exists() and not force:
        raise InputError(
            f"{head_directory(run)} holds a retrieval head already. Expected none. Replace it "
            "with --force."
        )


def _require_own_data(run: RunDirectory, prepared: PreparedDataset) -> None:
    run.check_same_data(prepared)
    received = prepared.info.get("content_hash")
    if received != run.content_hash:
        raise InputError(
            f"{prepared.path} is not the data set that {run.path} was trained on: expected the "
            f"content hash {run.content_hash}, received {received}. Its test instances may be "
            "among the run's training instances. Name the run's own data with --data."
        )


if __name__ == "__main__":
    run_command(main)
