"""Trains a retrieval head on a finished run and reports it, alone and before the ranking model."""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import track

from sesrec_tf.command_line import run_command
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.retrieval_recall import popularity_recall, recall
from sesrec_tf.evaluation.retrieval_report import recall_table, stages_table
from sesrec_tf.evaluation.retrieval_stages import (
    StageComparison,
    compare_stages,
    sample_instances,
)
from sesrec_tf.files import write_json
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import RetrievalIndex, build_index, require_recommenders
from sesrec_tf.servable.recommendation import Recommendation
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import METRICS_FILE, head_directory, save_head
from sesrec_tf.training.retrieval_trainer import Logs, RetrievalTrainer, query_vectors
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
    _Job(run, prepared, config, arguments.retrieve, arguments.users, Console()).execute()


class _Job:
    """One execution of the command."""

    def __init__(
        self,
        run: RunDirectory,
        prepared: PreparedDataset,
        config: RetrievalConfig,
        retrieve: int,
        users: int,
        console: Console,
    ) -> None:
        self._run = run
        self._prepared = prepared
        self._config = config
        self._retrieve = retrieve
        self._users = users
        self._console = console
        self._history = run.config.history
        self._model: RankingModel = load(run.path)

    def execute(self) -> None:
        """Trains, reports and stores."""
        begun = time.perf_counter()
        train, valid = self._encode("train"), self._encode("valid")
        trainer = RetrievalTrainer(
            self._model, train, valid, self._config, self._print_epoch, self._track
        )
        epochs = trainer.fit()
        head = trainer.head
        metrics: dict[str, Any] = {"epochs": epochs, "seconds": time.perf_counter() - begun}
        index = build_index(self._model, head, self._retrieve)
        rows = {}
        for split, examples in (("valid", valid), ("test", self._encode("test"))):
            rows[split] = self._recalls(head, index, examples)
        metrics["recall"] = rows
        save_head(self._run, head, self._config, metrics)
        self._console.print(recall_table(rows, index.items))
        if self._users:
            found = self._compare(head, index)
            metrics["stages"] = {"retrieve": self._retrieve, **dataclasses.asdict(found)}
            write_json(head_directory(self._run) / METRICS_FILE, metrics)
            self._console.print(
                stages_table(found, self._prepared.instances("test"), self._retrieve)
            )
        self._print(
            f"stored in {head_directory(self._run)}\nnext:\n"
            f"  python -m sesrec_tf.export --run {self._run.path} "
            f"--top-k {min(20, self._retrieve)} --retrieve {self._retrieve}"
        )

    def _encode(self, split: str) -> RetrievalExamples:
        return RetrievalExamples.encode(
            self._model, self._prepared, self._history, split, self._track
        )

    def _recalls(
        self, head: RetrievalHead, index: RetrievalIndex, examples: RetrievalExamples
    ) -> dict[str, dict[str, float]]:
        queries = query_vectors(head, examples)
        rows = {}
        for note, exclude in (("", True), (", seen items kept", False)):
            rows[f"head{note}"] = recall(index, queries, examples, exclude, self._track)
            rows[f"popularity{note}"] = popularity_recall(
                self._prepared, examples, exclude, self._track
            )
        return rows

    def _compare(self, head: RetrievalHead, index: RetrievalIndex) -> StageComparison:
        features = sample_instances(
            self._prepared, "test", self._history, self._users, self._config.seed
        )
        recommendation = Recommendation(self._model, head, index, top_k=1)
        return compare_stages(
            self._model, recommendation, features, self._history, index.items, self._track
        )

    def _track(self, elements: Iterable[Any], what: str, total: int) -> Iterable[Any]:
        hidden = not self._console.is_terminal
        return track(
            elements, what, total=total, console=self._console, transient=True, disable=hidden
        )

    def _print_epoch(self, epoch: int, logs: Logs) -> None:
        values = "  ".join(f"{name} {value:.4f}" for name, value in logs.items())
        self._print(f"epoch {epoch:>3}  {values}")

    def _print(self, text: str) -> None:
        self._console.print(text, highlight=False, soft_wrap=True, markup=False)


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
