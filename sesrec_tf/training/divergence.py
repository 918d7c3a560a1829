"""Stopping a run whose numbers are no longer finite, before they reach a checkpoint."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.training.checkpoints import Checkpoints, RunState
from sesrec_tf.training.observer import Logs


class DivergenceCheck:
    """Requires that losses, weights and logits of a run are finite.

    Every method raises a FloatingPointError that says what is not, when, which checkpoint was the
    last good one, and what can be done.

    Args:
        model: a compiled model.
        average: the moving average of its weights.
        checkpoints: those of the run; none is written before `require_weights`.
    """

    def __init__(
        self, model: keras.Model, average: Sequence[tf.Variable], checkpoints: Checkpoints
    ) -> None:
        self._checkpoints = checkpoints
        variables = {f"weight `{name_in_model(each.path)}`": each.value for each in model.weights}
        for each in model.optimizer.variables:
            variables[f"optimizer variable `{each.path}`"] = each.value
        for number, each in enumerate(average):
            variables[f"averaged weight {number}"] = each
        self._variables = {
            name: value for name, value in variables.items() if value.dtype.is_floating
        }
        self._finite = tf.function(self._are_finite)

    def require_losses(self, logs: Logs, state: RunState, step: int) -> None:
        """Checks the loss terms of a step, counted from 1 within the epoch, the total last."""
        for name in sorted(logs, key=lambda key: key == "loss"):
            if not math.isfinite(logs[name]):
                raise self._error(f"the loss term `{name}` is {logs[name]}", state, step)

    def require_weights(self, state: RunState, step: int) -> None:
        """Checks weights, moments and average: a finite loss can have gradients that are not."""
        finite = self._finite().numpy()
        if not finite.all():
            name = list(self._variables)[int(np.argmin(finite))]
            raise self._error(f"the {name} is not finite", state, step)

    def require_logits(self, logits: npt.NDArray[Any], state: RunState, step: int) -> None:
        """Checks what finite weights gave on the validation split: it may be too large."""
        number = int((~np.isfinite(logits)).sum())
        if number:
            what = f"{number} of {logits.size} logits of the validation split are not finite"
            raise self._error(what, state, step)

    def _are_finite(self) -> tf.Tensor:
        return tf.stack(
            [tf.reduce_all(tf.math.is_finite(value)) for value in self._variables.values()]
        )

    def _error(self, what: str, state: RunState, step: int) -> FloatingPointError:
        last_good, stored = self._checkpoints.latest(), self._checkpoints.read_state()
        # Only a finished epoch leaves weights that a new run can start from.
        finished = stored is not None and stored.best_epoch >= 0
        start = ", if you like from this one with --init-from" if finished else ""
        return FloatingPointError(
            f"{what} at epoch {state.epoch + 1}, step {step}, expected a finite number. Last good "
            f"checkpoint: {last_good or 'none yet'}. To resume would repeat the step: start a new "
            f"run with a lower --learning-rate{start}."
        )
