"""Publishes the best model of a run as a SavedModel for TF Serving."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.loading import load
from sesrec_tf.servable.publish import publish
from sesrec_tf.servable.versions import require_publishable
from sesrec_tf.training.run_directory import RunDirectory

_EXAMPLES = """examples:
  python -m sesrec_tf.export --run runs/first --output models/sesrec
  python -m sesrec_tf.export --run runs/first --output models/sesrec --version 20260131

BASE/<version>/ appears complete or not at all, so a running TF Serving may watch BASE. Serve it:
  python -m serving.server --model-base-path models/sesrec --port 8500
"""


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m sesrec_tf.export",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    result.add_argument("--run", type=Path, required=True, metavar="DIR", help="a trained run")
    result.add_argument(
        "--output",
        type=Path,
        metavar="BASE",
        help="directory of the versions (default: RUN/export)",
    )
    result.add_argument(
        "--version", type=int, metavar="N", help="number of the version (default: the next one)"
    )
    return result


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    console = Console()
    run = RunDirectory.open(arguments.run)
    base = arguments.output or run.path / "export"
    require_publishable(base, arguments.version)
    with console.status(f"loading {run.path}") as status:
        model = load(run.path)
        status.update(f"writing a version under {base}")
        path = publish(model, run, base, arguments.version)
    console.print(
        f"published {path}\nnext:\n"
        f"  python -m serving.server --model-base-path {base} --port 8500\n"
        f"  python -m sesrec_tf.evaluate --run {run.path} --servable {path}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


if __name__ == "__main__":
    run_command(main)
