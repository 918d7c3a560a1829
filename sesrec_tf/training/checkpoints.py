"""Checkpoints that appear by rename, and hold everything a run needs to go on."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.files import new_directory, write_json
from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.training.plateau_schedule import PlateauState

STATE_FILE = "state.json"


@dataclass(frozen=True)
class RunState:
    """Where a run stands.

    Attributes:
        epoch, step: of the next update; `step` counts within the epoch.
        schedule: learning rate and early stopping.
        best_mrr, best_epoch: best validation value so far; epoch -1 before the first.
        history: logs of the finished epochs.
        sums: of the loss terms over the finished steps of an epoch in progress.
    """

    epoch: int = 0
    step: int = 0
    schedule: PlateauState = field(default_factory=lambda: PlateauState(0.0))
    best_mrr: float = float("-inf")
    best_epoch: int = -1
    history: tuple[dict[str, float], ...] = ()
    sums: dict[str, float] = field(default_factory=dict)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> RunState:
        """The inverse of `dataclasses.asdict`."""
        return cls(
            **{
                **values,
                "schedule": PlateauState(**values["schedule"]),
                "history": tuple(values["history"]),
            }
        )


class Checkpoints:
    """The `checkpoints/` directory of a run.

    `step-EEEEE-SSSSSSSS/` holds model, optimiser, average of the weights and `state.json`;
    `best-EEEEE/` the weights of the best epoch. A checkpoint names its best epoch, and older
    directories are removed only after a newer checkpoint stands.

    Args:
        directory: the directory.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def latest(self) -> Path | None:
        """The newest complete checkpoint."""
        found = sorted(self.directory.glob("step-*"))
        return found[-1] if found else None

    def read_state(self) -> RunState | None:
        """The state of the newest checkpoint."""
        latest = self.latest()
        if latest is None:
            return None
        return RunState.from_dict(json.loads((latest / STATE_FILE).read_text("utf-8")))

    def save(
        self, model: keras.Model, state: RunState, average: Sequence[tf.Variable] = ()
    ) -> Path:
        """Writes a checkpoint, then removes what it supersedes."""
        target = self.directory / f"step-{state.epoch:05d}-{state.step:08d}"
        if target.exists():
            return target
        with new_directory(target) as path:
            _checkpoint(model, average).write(str(path / "run"))
            write_json(path / STATE_FILE, dataclasses.asdict(state))
        kept = {target.name, f"best-{state.best_epoch:05d}"}
        for entry in self.directory.iterdir():
            if entry.name not in kept:
                shutil.rmtree(entry, ignore_errors=True)
        return target

    def restore(self, model: keras.Model, average: Sequence[tf.Variable] = ()) -> RunState:
        """Loads the newest checkpoint into a compiled model and the average of its weights.

        Raises:
            InputError: if there is none, or it belongs to a model of other shape.
        """
        state, latest = self.read_state(), self.latest()
        if state is None or latest is None:
            raise InputError(f"{self.directory} holds no checkpoint. Train first.")
        _read(_checkpoint(model, average), latest / "run")
        return state

    def save_best(self, model: keras.Model, epoch: int) -> None:
        """Keeps the model's weights as those of the best epoch."""
        target = self._best_directory(epoch)
        with new_directory(target, replace=True) as path:
            _weights(model).write(str(path / "model"))

    def restore_best(self, model: keras.Model) -> int:
        """Loads the best weights named by the newest checkpoint; returns their epoch.

        Raises:
            InputError: if there are none, or they belong to a model of other shape.
        """
        epoch = self._best_epoch()
        _read(_weights(model), self._best_directory(epoch) / "model")
        return epoch

    def best_files(self) -> list[Path]:
        """What holds the best weights, by name.

        Raises:
            InputError: if there are none.
        """
        return sorted(self._best_directory(self._best_epoch()).iterdir())

    def _best_epoch(self) -> int:
        state = self.read_state()
        if state is None or state.best_epoch < 0:
            raise InputError(
                f"{self.directory} holds no finished epoch. Train with "
                "`python -m sesrec_tf.train --run-dir DIR --resume`."
            )
        return state.best_epoch

    def _best_directory(self, epoch: int) -> Path:
        return self.directory / f"best-{epoch:05d}"


def _weights(model: keras.Model) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(weights=_by_path(model))


def _checkpoint(model: keras.Model, average: Sequence[tf.Variable]) -> tf.train.Checkpoint:
    return tf.train.Checkpoint(
        weights=_by_path(model),
        average=list(average),
        optimizer=[variable.value for variable in model.optimizer.variables],
    )


def _by_path(model: keras.Model) -> dict[str, Any]:
    """Every weight under its path; TensorFlow's own tracking passes over lists in Keras layers."""
    return {name_in_model(variable.path): variable.value for variable in model.weights}


def _read(checkpoint: tf.train.Checkpoint, path: Path) -> None:
    try:
        status = checkpoint.read(str(path))
        status.assert_existing_objects_matched()
        status.expect_partial()
    except (AssertionError, ValueError, IndexError, RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"checkpoint {path.parent} is damaged or does not fit this model: "
            f"{str(error).splitlines()[0]} Use the run's own configuration and data, or an "
            "undamaged copy of the run."
        ) from error
