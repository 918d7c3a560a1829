"""What can be told about a training run."""

from __future__ import annotations

from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.training.checkpoints import RunState

Logs = dict[str, float]


class Observer:
    """Base class of the trainer's listeners; every method does nothing by default."""

    def on_start(self, model: RankingModel, state: RunState, steps: int) -> None:
        """Before the first step of this process; `steps` is the length of an epoch."""

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        """After a step; `step` counts from 1 within the epoch, `logs` are running means."""

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        """After validation; `state` already points to the next epoch.

        The model carries the weights that were validated: the moving average, where the run keeps
        one, and only here.
        """

    def on_end(self, model: RankingModel, state: RunState) -> None:
        """After the last epoch."""

    def close(self) -> None:
        """When training is over, whether it ended or failed."""
