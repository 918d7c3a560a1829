"""Publishes the best model of a run as a SavedModel for TF Serving."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from sesrec_tf.command_line import run_command
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import build_index
from sesrec_tf.servable.publish import publish
from sesrec_tf.servable.versions import require_publishable
from sesrec_tf.training.retrieval_store import load_head
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages

_EXAMPLES = """examples:
  python -m sesrec_tf.export --run runs/first --output models/sesrec
  python -m sesrec_tf.export --run runs/first --output models/sesrec --version 20260131
  python -m sesrec_tf.export --run runs/first --top-k 20 --retrieve 500

Every version ranks candidates (signatures serving_default and examples) and explains the ranking
(explain). With a head that `python -m sesrec_tf.retrieve` has trained it also recommends from the
whole catalogue (recommend): N items are retrieved, ranked by the model, and the best K returned.

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
    result.add_argument(
        "--top-k",
        type=int,
        default=20,
        metavar="K",
        help="items that `recommend` returns, 0 to leave it out (default: %(default)s)",
    )
    result.add_argument(
        "--retrieve",
        type=int,
        default=500,
        metavar="N",
        help="items that `recommend` ranks (default: %(default)s)",
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
        two_stages = _two_stages(model, run, arguments.top_k, arguments.retrieve)
        status.update(f"writing a version under {base}")
        path = publish(model, run, base, arguments.version, two_stages)
    notes = _notes(model, run, two_stages, arguments)
    console.print(
        "\n".join([f"published {path}", *notes, "next:"]) + "\n"
        f"  python -m serving.server --model-base-path {base} --port 8500\n"
        f"  python -m sesrec_tf.evaluate --run {run.path} --servable {path}",
        highlight=False,
        soft_wrap=True,
        markup=False,
    )


def _two_stages(
    model: RankingModel, run: RunDirectory, top_k: int, retrieve: int
) -> TwoStages | None:
    """The two stages of `recommend`, if the run has a head and they are wanted.

    Raises:
        InputError: for an impossible number, a damaged head, or one of other weights.
    """
    head = load_head(run) if top_k else None
    if head is None:
        return None
    return TwoStages(model, head, build_index(model, head, retrieve), top_k)


def _notes(
    model: RankingModel,
    run: RunDirectory,
    two_stages: TwoStages | None,
    arguments: argparse.Namespace,
) -> list[str]:
    """A line for every signature that the version lacks, or that is not what was asked for."""
    lines = []
    if not model.explainable:
        lines.append("without `explain`: the model does not tell similar events from dissimilar")
    if two_stages is None and arguments.top_k:
        lines.append(
            "without `recommend`: the run has no retrieval head; "
            f"python -m sesrec_tf.retrieve --run {run.path} trains one"
        )
    elif two_stages is not None and arguments.retrieve > two_stages.retrieve:
        lines.append(f"`recommend` ranks all {two_stages.retrieve:,} items of the catalogue")
    return lines


if __name__ == "__main__":
    run_command(main)
