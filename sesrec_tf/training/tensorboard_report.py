"""What a run tells TensorBoard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import yaml

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.hyperparameters import BEST, write_hyperparameters, write_success
from sesrec_tf.training.l2_term import l2_term
from sesrec_tf.training.observer import Logs, Observer
from sesrec_tf.training.projector import Projector
from sesrec_tf.training.summary_writer import open_writer

EPOCHS = "epochs"
STEPS = "steps"
STEP_REPORTS = 20
HISTOGRAM_ROWS = 65_536

_VALID = "valid/"
_TAGS = {
    "loss": "loss/total",
    "learning_rate": "training/learning_rate",
    "examples_per_second": "training/examples_per_second",
    "valid_users_per_second": "validation/users_per_second",
}
_DESCRIPTIONS = {
    "loss/total": "BCE + α·alignment + β·contrast; the L2 term acts through the optimiser.",
    "loss/bce": "Binary cross-entropy of positives and sampled negatives.",
    "loss/alignment_q2i": "Alignment of queries to their clicked items (6), before α/2.",
    "loss/alignment_i2q": "Alignment of clicked items to their queries (7), before α/2.",
    "loss/contrast_rec": "Triplet loss of the recommendation side (15), before β.",
    "loss/contrast_search": "Triplet loss of the search side (15), before β.",
    "loss/l2": "½ λ Σ θ² over every trainable parameter, after the epoch.",
    "training/temperature": "τ of the alignment (6)-(7), after the epoch.",
}


class TensorBoardReport(Observer):
    """Writes curves, weights, settings and embeddings of a run.

    There are two TensorBoard runs, since each has one axis: `epochs` holds everything known after
    an epoch; `steps` holds the mean losses since the epoch began, some 20 times an epoch, by
    update. The embeddings are those of the best epoch.

    Args:
        directory: the log directory.
        config: the run's settings.
        prepared: the data set.
    """

    def __init__(self, directory: str | Path, config: Config, prepared: PreparedDataset) -> None:
        self._directory = Path(directory)
        self._config = config
        self._prepared = prepared

    def on_start(self, model: RankingModel, state: RunState, steps: int) -> None:
        self._steps = steps
        self._every = max(1, steps // STEP_REPORTS)
        fresh = state.epoch == state.step == 0
        self._epoch_log = open_writer(self._directory / EPOCHS, 0 if fresh else state.epoch + 1)
        self._step_log = open_writer(self._directory / STEPS, state.epoch * steps + state.step + 1)
        self._projector = Projector(
            self._directory / EPOCHS, model, self._prepared, self._config.history.query_words
        )
        with self._epoch_log.as_default(step=state.epoch):
            tf.summary.text("configuration", _code_block(self._config.to_dict()))
            tf.summary.text("data", _code_block(_facts(self._prepared)))
            write_hyperparameters(self._config, self._prepared)
            if fresh:
                _write_weights(model)
        self._epoch_log.flush()

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        if step % self._every:
            return
        with self._step_log.as_default(step=state.epoch * self._steps + step):
            for name, value in logs.items():
                tf.summary.scalar(f"running_{_tag(name)}", value)
        self._step_log.flush()

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        weight = self._config.training.weight_decay
        logs = {**logs, "l2": l2_term(model.trainable_variables, weight)}
        with self._epoch_log.as_default(step=state.epoch):
            for name, value in logs.items():
                tag = _tag(name)
                tf.summary.scalar(tag, value, description=_DESCRIPTIONS.get(tag))
            _write_best(state)
            _write_temperature(model)
            _write_weights(model)
        self._epoch_log.flush()
        if state.best_epoch == state.epoch:
            self._projector.write()

    def on_end(self, model: RankingModel, state: RunState) -> None:
        with self._epoch_log.as_default(step=state.epoch):
            write_success()
        self._epoch_log.close()
        self._step_log.close()


def _tag(name: str) -> str:
    """Grouped by what is before the slash: a loss unless it is known to be something else."""
    if name.startswith(_VALID):
        return f"validation/{name[len(_VALID):]}"
    return _TAGS.get(name, f"loss/{name}")


def _write_best(state: RunState) -> None:
    """The metrics of the epoch whose weights are kept."""
    for epoch in state.history:
        if epoch["epoch"] == state.best_epoch:
            for name, value in epoch.items():
                if name.startswith(_VALID):
                    tf.summary.scalar(f"{BEST}/{name[len(_VALID):]}", value)


def _write_temperature(model: RankingModel) -> None:
    alignment = getattr(model, "alignment", None)
    if alignment is not None:
        tag = "training/temperature"
        value = tf.cast(alignment.temperature.value, tf.float32)
        tf.summary.scalar(tag, value, description=_DESCRIPTIONS[tag])


def _write_weights(model: RankingModel) -> None:
    """A histogram of each trainable variable."""
    for variable in model.trainable_variables:
        tf.summary.histogram(f"weights/{variable.path}", _sample(variable))


def _sample(variable: Any) -> Any:
    """The variable, or evenly spaced rows of a big table, the same every time."""
    if len(variable.shape) == 0 or variable.shape[0] <= HISTOGRAM_ROWS:
        return tf.convert_to_tensor(variable.value)
    rows = np.linspace(0, variable.shape[0] - 1, HISTOGRAM_ROWS).astype(np.int32)
    return tf.gather(variable.value, rows)


def _facts(prepared: PreparedDataset) -> dict[str, Any]:
    names = ("content_hash", "split", "instances", "vocabularies", "negatives")
    return {name: prepared.info[name] for name in names if name in prepared.info}


def _code_block(values: dict[str, Any]) -> str:
    return f"```yaml\n{yaml.safe_dump(values, sort_keys=False)}```\n"
