"""The job of retrieval: train a head, measure it alone and before the ranking, store it."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.progress import track

from sesrec_tf.data.prepared import PreparedDataset
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
from sesrec_tf.retrieval import RetrievalIndex, build_index
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import METRICS_FILE, head_directory, save_head
from sesrec_tf.training.retrieval_trainer import Logs, RetrievalTrainer, query_vectors
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages


class RetrievalJob:
    """Trains a head on a finished run, reports it and stores it.

    Args:
        run: whose best weights are ranked with.
        prepared: the data the run was trained on.
        config: settings of the head.
        retrieve: `N` of the report.
        users: test instances on which two stages and the whole catalogue are compared; 0 for none.
        console: for progress and tables.
    """

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
        """Does it all; the head is stored before the comparison, which takes longest."""
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
        two_stages = TwoStages(self._model, head, index, top_k=1)
        return compare_stages(
            self._model, two_stages, features, self._history, index.items, self._track
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
