"""Progress of a run in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)

from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.observer import Logs, Observer


class ProgressReport(Observer):
    """A bar that moves with each step, and a line after each epoch.

    Args:
        console: where to write.
        epochs: planned epochs.
    """

    def __init__(self, console: Console, epochs: int) -> None:
        self._console = console
        self._epochs = epochs
        self._progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("steps, loss {task.fields[loss]:.4f}"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None
        self._steps = 0

    def on_start(self, model: RankingModel, state: RunState, steps: int) -> None:
        self._steps = steps
        if state.epoch or state.step:
            self._console.print(f"resumed at epoch {state.epoch + 1}, step {state.step + 1}")
        self._task = self._progress.add_task(
            "train",
            total=self._epochs * steps,
            completed=state.epoch * steps + state.step,
            epoch=state.epoch + 1,
            epochs=self._epochs,
            loss=float("nan"),
        )
        self._progress.start()

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        if self._task is not None:
            self._progress.update(
                self._task,
                completed=state.epoch * self._steps + step,
                epoch=state.epoch + 1,
                loss=logs["loss"],
            )

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        best = "  best" if state.best_epoch == state.epoch else ""
        self._console.print(
            f"epoch {state.epoch:>3}  loss {logs['loss']:.4f}  "
            f"ndcg@10 {logs['valid/ndcg@10']:.4f}  mrr {logs['valid/mrr']:.4f}  "
            f"lr {logs['learning_rate']:.0e}  {logs['examples_per_second']:,.0f} ex/s{best}",
            highlight=False,
            soft_wrap=True,
        )

    def on_end(self, model: RankingModel, state: RunState) -> None:
        self.close()
        if state.schedule.stop:
            self._console.print(f"stopped early after {state.epoch} epochs")

    def close(self) -> None:
        # Also after an error: a live display hides the terminal's cursor.
        self._progress.stop()
