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
from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.hyperparameters import write_hyperparameters, write_success
from sesrec_tf.training.l2_term import l2_term
from sesrec_tf.training.observer import Logs, Observer
from sesrec_tf.training.projector import Projector
from sesrec_tf.training.summary_writer import open_writer

EPOCHS = "epochs"
STEPS = "steps"
BEST = "best"
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
    "loss/total": "BCE, alignment and contrast as weighted (23); L2 acts through the optimiser.",
    "loss/bce": "Binary cross-entropy of positives and sampled negatives.",
    "loss/alignment_q2i": "Alignment of queries to their clicked items (6), unweighted.",
    "loss/alignment_i2q": "Alignment of clicked items to their queries (7), unweighted.",
    "loss/contrast_rec": "Triplet loss of the recommendation side (15), unweighted.",
    "loss/contrast_search": "Triplet loss of the search side (15), unweighted.",
    "loss/l2": "½ λ Σ θ² over every trainable parameter, after the epoch.",
    "training/temperature": "τ of the alignment (6)-(7), after the epoch.",
}


class TensorBoardReport(Observer):
    """Writes curves, weights, settings and embeddings of a run.

    There are three TensorBoard runs in the log directory: `epochs` holds everything known after
    an epoch; `steps` the mean losses since the epoch began, some 20 times an epoch, by update;
    `best` the validation metrics of the best epoch so far, and the settings, so that it is the
    run's row in the HParams table. The embeddings are those of the best epoch.

    A resumed run goes on with the same curves; points that a killed process wrote after its last
    checkpoint are dropped and written again.

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
        epoch = 0 if fresh else state.epoch + 1
        self._epochs = open_writer(self._directory / EPOCHS, epoch)
        self._best = open_writer(self._directory / BEST, epoch)
        self._updates = open_writer(self._directory / STEPS, self._update(state, state.step + 1))
        self._projector = Projector(
            self._directory / EPOCHS, model, self._prepared, self._config.history.query_words
        )
        with self._best.as_default(step=state.epoch):
            write_hyperparameters(self._config, self._prepared)
        with self._epochs.as_default(step=state.epoch):
            tf.summary.text("configuration", _code_block(self._config.to_dict()))
            tf.summary.text("data", _code_block(_facts(self._prepared)))
            if fresh:
                _write_weights(model)
        self._flush()

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        if step % self._every:
            return
        with self._updates.as_default(step=self._update(state, step)):
            for name, value in logs.items():
                tf.summary.scalar(f"running_{_tag(name)}", value)
        self._updates.flush()

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        weight = self._config.training.weight_decay
        logs = {**logs, "l2": l2_term(model.trainable_variables, weight)}
        with self._epochs.as_default(step=state.epoch):
            for name, value in logs.items():
                tag = _tag(name)
                tf.summary.scalar(tag, value, description=_DESCRIPTIONS.get(tag))
            _write_temperature(model)
            _write_weights(model)
        with self._best.as_default(step=state.epoch):
            for name, value in _best_metrics(state).items():
                tf.summary.scalar(_tag(name), value)
        self._flush()
        if state.best_epoch == state.epoch:
            self._projector.write()

    def on_end(self, model: RankingModel, state: RunState) -> None:
        with self._best.as_default(step=state.epoch):
            write_success()
        for writer in (self._epochs, self._best, self._updates):
            writer.close()

    def _update(self, state: RunState, step: int) -> int:
        """Updates since the run began."""
        return state.epoch * self._steps + step

    def _flush(self) -> None:
        self._epochs.flush()
        self._best.flush()


def _tag(name: str) -> str:
    """Grouped by what is before the slash: a loss unless it is known to be something else."""
    if name.startswith(_VALID):
        return f"validation/{name[len(_VALID) :]}"
    return _TAGS.get(name, f"loss/{name}")


def _best_metrics(state: RunState) -> Logs:
    """The validation metrics of the epoch whose weights are kept."""
    best = next((logs for logs in state.history if logs["epoch"] == state.best_epoch), {})
    return {name: value for name, value in best.items() if name.startswith(_VALID)}


def _write_temperature(model: RankingModel) -> None:
    alignment = getattr(model, "alignment", None)
    if alignment is not None:
        tag = "training/temperature"
        value = tf.cast(alignment.temperature.value, tf.float32)
        tf.summary.scalar(tag, value, description=_DESCRIPTIONS[tag])


def _write_weights(model: RankingModel) -> None:
    """A histogram of each trainable variable."""
    for variable in model.trainable_variables:
        tag = f"weights/{name_in_model(variable.path)}"
        tf.summary.histogram(tag, histogram_values(variable))


def histogram_values(variable: Any) -> Any:
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
