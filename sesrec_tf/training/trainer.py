"""The training loop: steps, validation, schedule, checkpoints, and going on where it stopped."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.negative_sampling import negatives_checked
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.training_batches import (
    negative_sampler,
    steps_per_epoch,
    training_batches,
)
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.compiled_model import compiled_model
from sesrec_tf.training.divergence import DivergenceCheck
from sesrec_tf.training.observer import Logs, Observer
from sesrec_tf.training.plateau_schedule import PlateauSchedule
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.strategy import distributed, is_chief
from sesrec_tf.training.throughput import Throughput
from sesrec_tf.training.training_step import training_step
from sesrec_tf.training.weight_average import WeightAverage


class Trainer:
    """Fits the configured model on a prepared data set.

    Args:
        config: the run's settings.
        prepared: the data set.
        run: where checkpoints go.
        strategy: where to compute.
        observers: who is told about progress.

    Raises:
        InputError: if data and settings do not go together.
    """

    def __init__(
        self,
        config: Config,
        prepared: PreparedDataset,
        run: RunDirectory,
        strategy: tf.distribute.Strategy,
        observers: Sequence[Observer] = (),
    ) -> None:
        self._config = config
        self._prepared = prepared
        self._run = run
        self._strategy = strategy
        self._writes = is_chief(strategy)
        self._observers = tuple(observers) if self._writes else ()
        self._schedule = PlateauSchedule(config.training)
        self.steps = steps_per_epoch(prepared, config)
        negative_sampler(prepared, config)
        self.model = compiled_model(config, prepared, strategy)
        self._average = WeightAverage(self.model, config.training.weight_average)
        self._step = training_step(self.model, strategy)
        self._scorer = SplitScorer(self.model, prepared, config.history)
        self._divergence = DivergenceCheck(self.model, self._average.variables, run.checkpoints)
        self._throughput = Throughput(config.training.batch_size)

    def fit(self, resume: bool = False) -> RunState:
        """Trains to the last epoch or the early stop.

        Args:
            resume: go on from the newest checkpoint, if there is one.

        Returns:
            The final state; the run's `best-*` checkpoint holds the best weights.

        Raises:
            FloatingPointError: if a loss, a weight or a validation logit is not finite, naming it
                and the last good checkpoint.
            InputError: if a record file is damaged, or an instance leaves too few negatives.
        """
        state = self._first_state()
        if resume and self._run.checkpoints.latest() is not None:
            state = self._run.checkpoints.restore(self.model, self._average.variables)
        try:
            self._notify("on_start", state, self.steps)
            batches = iter(self._distributed(state))
            while state.epoch < self._config.training.epochs and not state.schedule.stop:
                state = self._epoch(state, batches)
            self._notify("on_end", state)
        finally:
            for observer in self._observers:
                observer.close()
        return state

    def save_start(self) -> None:
        """Writes a checkpoint of the weights as they are before the first step."""
        self._save(self._first_state())

    def _first_state(self) -> RunState:
        return RunState(schedule=self._schedule.start())

    def _distributed(self, state: RunState) -> Any:
        batches = training_batches(self._prepared, self._config, state.epoch, state.step)
        return distributed(batches, self._strategy)

    def _epoch(self, state: RunState, batches: Any) -> RunState:
        self.model.optimizer.learning_rate.assign(state.schedule.learning_rate)
        sums = state.sums
        logs: Logs = {}
        self._throughput.start()
        for step in range(state.step + 1, self.steps + 1):
            with records_checked(self._prepared, "train"), negatives_checked():
                found = {name: float(value) for name, value in self._step(batches).items()}
            self._throughput.step()
            self._divergence.require_losses(found, state, step)
            sums = {name: sums.get(name, 0.0) + value for name, value in found.items()}
            logs = {name: value / step for name, value in sums.items()}
            self._notify("on_step", state, step, logs)
            if self._is_checkpoint_step(step):
                self._save(dataclasses.replace(state, step=step, sums=sums))
        logs = {
            **logs,
            "learning_rate": state.schedule.learning_rate,
            "examples_per_second": self._throughput.examples_per_second,
        }
        return self._finish_epoch(state, logs)

    def _finish_epoch(self, state: RunState, logs: Logs) -> RunState:
        epoch = state.epoch + 1
        self._divergence.require_weights(state, self.steps)
        self._average.update(epoch)
        with self._average.applied():
            logs = {**logs, **self._validate(state)}
            mrr = logs["valid/mrr"]
            state = dataclasses.replace(
                state,
                epoch=epoch,
                step=0,
                sums={},
                schedule=self._schedule.update(state.schedule, mrr),
                history=(*state.history, {"epoch": epoch, **logs}),
            )
            if mrr > state.best_mrr:
                state = dataclasses.replace(state, best_mrr=mrr, best_epoch=epoch)
                if self._writes:
                    self._run.checkpoints.save_best(self.model, epoch)
            self._notify("on_epoch", state, logs)
        self._save(state)
        return state

    def _validate(self, state: RunState) -> Logs:
        started = time.perf_counter()
        scored = self._scorer("valid")
        seconds = max(time.perf_counter() - started, 1e-9)
        self._divergence.require_logits(scored.logits, state, self.steps)
        metrics = RankingMetrics().calc(scored.logits)
        return {
            **{f"valid/{name}": value for name, value in metrics.items()},
            "valid_users_per_second": len(scored.logits) / seconds,
        }

    def _is_checkpoint_step(self, step: int) -> bool:
        every = self._config.training.checkpoint_steps
        return bool(every) and step % every == 0 and step < self.steps

    def _save(self, state: RunState) -> None:
        self._divergence.require_weights(state, state.step)
        if self._writes:
            self._run.checkpoints.save(self.model, state, self._average.variables)

    def _notify(self, event: str, *arguments: Any) -> None:
        for observer in self._observers:
            getattr(observer, event)(self.model, *arguments)
