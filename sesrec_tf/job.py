"""The main job: train, evaluate, compare with reference rankers, export."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tensorflow as tf
from rich.console import Console

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.evaluation import Evaluation, evaluate_references
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.evaluation.report import metrics_table
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.servable.origin import find_version
from sesrec_tf.servable.publish import publish
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.progress import ProgressReport
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.strategy import is_chief
from sesrec_tf.training.tensorboard_report import TensorBoardReport
from sesrec_tf.training.trainer import Trainer
from sesrec_tf.training.warm_start import warm_start


@dataclass(frozen=True)
class Job:
    """One training job.

    Attributes:
        config: the settings.
        prepared: the data set.
        run_dir: where the run goes.
        resume: go on with a run that stands there.
        init_from: an earlier run to start from.
        export: whether to export the best model in the end.
    """

    config: Config
    prepared: PreparedDataset
    run_dir: Path
    resume: bool = False
    init_from: Path | None = None
    export: bool = True

    def execute(self, strategy: tf.distribute.Strategy, console: Console) -> RunDirectory:
        """Trains to the end, reports on validation and test, and exports.

        Raises:
            InputError: if the run directory is used and not to be resumed, or belongs to
                another configuration or other data.
        """
        run, chief = RunDirectory(self.run_dir), is_chief(strategy)
        resuming = self.resume and run.exists()
        if resuming:
            self._require_resumable(run)
        elif chief:
            run.refuse_used()
        observers = (
            ProgressReport(console, self.config.training.epochs),
            TensorBoardReport(run.path / "tensorboard", self.config, self.prepared),
        )
        trainer = Trainer(self.config, self.prepared, run, strategy, observers)
        warm = self._warm_start(trainer, run, resuming, console)
        if chief:
            # Only now, when settings and data are known to be usable.
            self._store(run, resuming, trainer.save_start if warm else None)
        state = trainer.fit(resume=self.resume and run.exists())
        if chief:
            # Read back what was written: the figures are those of what others will load.
            model = load(run.path)
            self._report(run, model, state, console)
            if self.export:
                _publish_once(model, run, console)
        return run

    def _warm_start(
        self, trainer: Trainer, run: RunDirectory, resuming: bool, console: Console
    ) -> bool:
        """Whether the model now has an earlier run's weights, which no checkpoint holds yet."""
        if self.init_from is None or (resuming and run.checkpoints.latest() is not None):
            return False
        carried = warm_start(trainer.model, RunDirectory.open(self.init_from), self.prepared)
        console.print(f"started from {self.init_from}: {carried}")
        return True

    def _store(
        self, run: RunDirectory, resuming: bool, save_start: Callable[[], None] | None
    ) -> None:
        """Everything a plain `--resume` needs from now on."""
        if not resuming:
            devices = [device.name for device in tf.config.list_logical_devices()]
            RunDirectory.create(run.path, self.config, self.prepared, devices, save_start)
            return
        if save_start is not None:
            save_start()
        if run.config != self.config:
            run.write_config(self.config)

    def _require_resumable(self, run: RunDirectory) -> None:
        run.check_same_data(self.prepared)
        _require_same_content(run, self.prepared)
        _require_same_config(run, self.config)

    def _report(
        self, run: RunDirectory, model: RankingModel, state: RunState, console: Console
    ) -> None:
        history = self.config.history
        scorer = SplitScorer(model, self.prepared, history)
        best = next(logs for logs in state.history if logs["epoch"] == state.best_epoch)
        with console.status("evaluating on the test split"):
            scored = scorer("test")
            evaluation = Evaluation.of(scored.logits, scored.features)
            references = evaluate_references(self.prepared, "test", history)
        evaluation.write(run.path / "instances-test.parquet")
        rows = {name: found.metrics for name, found in references.items()}
        run.write_metrics(
            {
                "best_epoch": state.best_epoch,
                "valid": {name: best[f"valid/{name}"] for name in METRICS},
                "test": evaluation.metrics,
                "references": {"test": rows},
            }
        )
        rows[self.config.model.name] = evaluation.metrics
        title, candidates = f"test, {len(scored.logits):,} instances", scored.logits.shape[1]
        console.print(metrics_table(rows, title, candidates, evaluation.unknown_positives))


def _publish_once(model: RankingModel, run: RunDirectory, console: Console) -> None:
    """Publishes the model unless a process before this one got so far."""
    base = run.path / "export"
    standing = find_version(base, model, run)
    if standing is None:
        publish(model, run, base)
    else:
        console.print(
            f"{standing} holds this model already", highlight=False, soft_wrap=True, markup=False
        )


def _require_same_content(run: RunDirectory, prepared: PreparedDataset) -> None:
    expected, received = run.content_hash, prepared.info.get("content_hash")
    if expected != received:
        raise InputError(
            f"the data set {prepared.path} is not the one that {run.path} was started with: "
            f"expected content hash {expected}, received {received}. Use the data set at "
            f"{run.data_path}, or start a new run from this one with --init-from."
        )


def _require_same_config(run: RunDirectory, config: Config) -> None:
    """Only the number of epochs may differ from the run's own settings."""
    stored = run.config
    expected = stored.replace("training", epochs=config.training.epochs)
    if expected != config:
        differing = [
            f"{section}.{name}: run {value!r}, now {config.to_dict()[section][name]!r}"
            for section, values in expected.to_dict().items()
            for name, value in values.items()
            if value != config.to_dict()[section][name]
        ]
        raise InputError(
            f"{run.path} was started with other settings ({'; '.join(differing)}). Expected the "
            "same ones to resume. Leave these flags out, or choose another --run-dir."
        )
