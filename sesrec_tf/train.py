"""Trains a model on a prepared data set, or on the built-in demo world."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.config import Config
from sesrec_tf.data.demo_preparation import prepare_demo
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.progress_bar import progress_bar
from sesrec_tf.errors import InputError
from sesrec_tf.job import Job
from sesrec_tf.models.presets import PRESETS
from sesrec_tf.training.flags import (
    add_setting_flags,
    apply_settings,
    given_settings,
    resolve_config,
)
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.strategy import choose_strategy, is_chief

_EXAMPLES = """examples:
  python -m sesrec_tf.train
      simulate the demo world, train, evaluate and export under runs/
  python -m sesrec_tf.train --data prepared/ --run-dir runs/first
      train on your own logs, prepared by `python -m pipelines.prepare`
  python -m sesrec_tf.train --data prepared/ --run-dir runs/first --resume
      go on after an interruption
  python -m sesrec_tf.train --data prepared/ --preset kindle --parity --run-dir runs/parity
      the published widths with the official code's choices
  python -m sesrec_tf.train --data today/ --init-from runs/yesterday --run-dir runs/today
      daily retraining, rows carried over by raw id

presets:
  kindle    published settings for Amazon Kindle Store, histories of 15 events
  kuaishou  published settings for Kuaishou, histories of 150 events
  sparse    for logs with few events a user and an item, such as Amazon Beauty
  demo      small and quick, for the built-in demo world

several machines:
  start the same command on each with its TF_CONFIG (a task `chief` or `worker` of one cluster),
  --data and --run-dir on a file system they share; the chief, or else worker 0, writes the run
"""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m sesrec_tf.train",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument(
        "--data",
        type=Path,
        help="a data set that `python -m pipelines.prepare` wrote (default: a new demo world)",
    )
    result.add_argument(
        "--run-dir",
        type=Path,
        help="directory of the run (default: a new one under runs/, named by data and time)",
    )
    result.add_argument(
        "--preset",
        choices=sorted(PRESETS),
        help="settings to start from, see below (default: kindle with --data, demo without, "
        "either with histories as long as the data's)",
    )
    result.add_argument(
        "--config", help="a YAML file of settings, such as a run's config.yaml, instead of a preset"
    )
    result.add_argument(
        "--parity",
        action="store_true",
        help="the official code's choices (table in docs/model.md); sizes and rates stay",
    )
    result.add_argument(
        "--resume",
        action="store_true",
        help="go on with the run in --run-dir, with its own settings; of these only --epochs may "
        "change; starts one if there is none",
    )
    result.add_argument(
        "--init-from",
        type=Path,
        help="start from the best weights of this earlier run, table rows matched by raw id",
    )
    result.add_argument(
        "--replicas",
        type=int,
        help="mirror training over this many logical CPU devices (default: over all GPUs, or "
        "the one device there is)",
    )
    result.add_argument(
        "--export",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="publish the best model for TF Serving under RUN/export (default: --export)",
    )
    add_setting_flags(result)
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    console = Console()
    run_dir = _run_dir(arguments)
    run = RunDirectory(run_dir)
    resuming = arguments.resume and run.exists()
    # Logical devices exist only if they are asked for before TensorFlow computes anything.
    strategy = choose_strategy(arguments.replicas)
    # To the other workers a directory that the chief has just begun to use looks used.
    if not resuming and is_chief(strategy):
        run.refuse_used()
    prepared = _data(arguments.data, run, resuming, console)
    config = _config(arguments, run if resuming else None, prepared)
    job = Job(config, prepared, run_dir, arguments.resume, arguments.init_from, arguments.export)
    run = job.execute(strategy, console)
    console.print(_next_commands(run, arguments.export), highlight=False, soft_wrap=True)


def _run_dir(arguments: argparse.Namespace) -> Path:
    if arguments.run_dir is not None:
        return Path(arguments.run_dir)
    if arguments.resume:
        raise InputError("`--resume` needs `--run-dir`, the run to go on with. Received: none.")
    name = arguments.data.resolve().name if arguments.data else "demo"
    return Path("runs") / f"{name}-{datetime.now():%Y%m%d-%H%M%S}"


def _data(
    path: Path | None, run: RunDirectory, resuming: bool, console: Console
) -> PreparedDataset:
    """The data named, the data of the run to go on with, or a new demo world in the run."""
    if path is not None:
        return PreparedDataset(path)
    if resuming:
        return PreparedDataset(run.data_path)
    if os.environ.get("TF_CONFIG"):
        raise InputError(
            "several workers cannot share a demo world that each of them would simulate. Expected "
            "--data, a prepared data set that all of them can read. Received: none."
        )
    with progress_bar(console) as report:
        return prepare_demo(run.path / "demo-data", overwrite=True, report=report)


def _config(
    arguments: argparse.Namespace, resumed: RunDirectory | None, prepared: PreparedDataset
) -> Config:
    given = given_settings(arguments)
    if resumed is not None and not (arguments.preset or arguments.config or arguments.parity):
        return apply_settings(resumed.config, given)
    return resolve_config(
        default_preset="kindle" if arguments.data else "demo",
        preset_name=arguments.preset,
        file=arguments.config,
        official=arguments.parity,
        stored=prepared.history,
        given=given,
    )


def _next_commands(run: RunDirectory, exported: bool) -> str:
    lines = [
        f"\nrun directory: {run.path}",
        "next:",
        f"  tensorboard --logdir {_quoted(run.path / 'tensorboard')}",
        f"  python -m sesrec_tf.evaluate --run {_quoted(run.path)} --split test --by searches",
    ]
    if exported:
        user, items = run.dataset.vocabulary("users")[0], run.dataset.vocabulary("items")[:5]
        lines += [
            f"  python -m serving.server --model-base-path {_quoted(run.path / 'export')} "
            "--port 8500",
            f"  python -m serving.client --server 127.0.0.1:8500 --user {_quoted(user)} "
            f"--rec-items {_quoted(*items[:2])} --candidates {_quoted(*items[2:])}",
        ]
    return "\n".join(lines)


def _quoted(*words: object) -> str:
    """Words as a shell reads them."""
    return shlex.join(map(str, words))


if __name__ == "__main__":
    run_command(main)
