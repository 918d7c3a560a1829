from __future__ import annotations

import dataclasses
import math
import os
import re
import shutil
from contextlib import nullcontext
from pathlib import Path

import keras
import numpy as np
import numpy.typing as npt
import pytest

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.training.checkpoints import RunState
from sesrec_tf.training.loss_scale_optimizer import LossScaleOptimizer
from sesrec_tf.training.observer import Logs, Observer
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.strategy import choose_strategy
from sesrec_tf.training.trainer import Trainer

EPOCHS = 3
DECAY = 0.5
SPEEDS = ("examples_per_second", "valid_users_per_second")


class InterruptedRunError(Exception):
    """Stands for whatever ends a process."""


class Interrupter(Observer):
    """Raises at a step, or at the end of an epoch (step 0), and counts the steps it saw."""

    def __init__(self, epoch: int = -1, step: int = -1) -> None:
        self._at = (epoch, step)
        self.seen: list[tuple[int, int]] = []
        self.closed = False

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        self.seen.append((state.epoch, step))
        if (state.epoch, step) == self._at:
            raise InterruptedRunError

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        if (state.epoch - 1, 0) == self._at:
            raise InterruptedRunError

    def close(self) -> None:
        self.closed = True


@pytest.fixture(scope="module")
def config(tiny_config: Config) -> Config:
    config = tiny_config.replace(
        "training",
        epochs=EPOCHS,
        checkpoint_steps=3,
        unknown_rate=0.1,
        learning_rate=0.01,
        weight_average=DECAY,
    )
    return config.replace("model", dropout=0.2, alpha=0.1, beta=0.01)


@pytest.fixture(scope="module")
def plain(config: Config) -> Config:
    """As quick to trace as can be, where the parts do not matter."""
    return config.replace("model", alpha=0.0, beta=0.0, multi_interest=False, hidden_units=(4,))


def start(config: Config, data: PreparedDataset, path: Path, *observers: Observer) -> Trainer:
    """A trainer of a new or an existing run."""
    run = RunDirectory(path)
    if not run.exists():
        run = RunDirectory.create(path, config, data, ["CPU"])
    return Trainer(config, data, run, choose_strategy(), observers)


def weights(model: RankingModel) -> dict[str, npt.NDArray[np.float32]]:
    """Every weight, and every variable of the optimiser if there is one, by path."""
    optimizer = getattr(model, "optimizer", None)
    variables = [*model.weights, *(optimizer.variables if optimizer else [])]
    return {variable.path: variable.numpy() for variable in variables}


def without_speeds(history: tuple[dict[str, float], ...]) -> list[dict[str, float]]:
    return [{k: v for k, v in logs.items() if k not in SPEEDS} for logs in history]


def assert_same_bits(first: RankingModel, second: RankingModel) -> None:
    one, two = weights(first), weights(second)
    assert one.keys() == two.keys()
    assert [name for name in one if one[name].tobytes() != two[name].tobytes()] == []


@pytest.fixture(scope="module")
def undisturbed(
    config: Config, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Trainer, RunState]:
    trainer = start(config, tiny_data, tmp_path_factory.mktemp("runs") / "whole", Interrupter())
    return trainer, trainer.fit()


def test_an_interrupted_run_ends_bit_identical(
    config: Config,
    tiny_data: PreparedDataset,
    undisturbed: tuple[Trainer, RunState],
    tmp_path: Path,
) -> None:
    """InterruptedRunError before the first checkpoint, in mid-epoch, and at an epoch's end.

    Checkpoints stand after each epoch and after every 3 of its steps.
    """
    whole, expected = undisturbed
    last = (whole.steps - 1) // 3 * 3
    interruptions = [(0, 2), (1, 5), (1, 0)]
    first_steps = [(0, 1), (0, 1), (1, 4), (1, last + 1)]
    for at, first in zip([*interruptions, (-1, -1)], first_steps, strict=True):
        watcher = Interrupter(*at)
        trainer = start(config, tiny_data, tmp_path / "run", watcher)
        with nullcontext() if at == (-1, -1) else pytest.raises(InterruptedRunError):
            state = trainer.fit(resume=True)
        assert watcher.seen[0] == first
        assert watcher.closed
    assert_same_bits(trainer.model, whole.model)
    assert without_speeds(state.history) == without_speeds(expected.history)
    assert dataclasses.replace(state, history=()) == dataclasses.replace(expected, history=())
    assert_same_bits(load(tmp_path / "run"), load(whole._run.path))


def test_an_interrupted_float16_run_ends_bit_identical(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """With the scale of the loss, and its count of steps since the last change."""
    config = plain.replace("training", epochs=2, mixed_precision="mixed_float16")
    whole = start(config, tiny_data, tmp_path / "whole")
    expected = whole.fit()
    interrupted = start(config, tiny_data, tmp_path / "run", Interrupter(1, 4))
    with pytest.raises(InterruptedRunError):
        interrupted.fit()
    trainer = start(config, tiny_data, tmp_path / "run")
    state = trainer.fit(resume=True)
    assert int(trainer.model.optimizer.step_counter) > 0
    assert_same_bits(trainer.model, whole.model)
    assert without_speeds(state.history) == without_speeds(expected.history)
    assert_same_bits(load(tmp_path / "run"), load(tmp_path / "whole"))


def test_a_finished_run_resumes_to_its_end(
    config: Config, tiny_data: PreparedDataset, undisturbed: tuple[Trainer, RunState]
) -> None:
    whole, expected = undisturbed
    watcher = Interrupter()
    trainer = start(config, tiny_data, whole._run.path, watcher)
    assert trainer.fit(resume=True) == expected
    assert watcher.seen == []


def test_validation_picks_the_best_epoch(
    config: Config, tiny_data: PreparedDataset, undisturbed: tuple[Trainer, RunState]
) -> None:
    whole, state = undisturbed
    values = [logs["valid/mrr"] for logs in state.history]
    assert len(values) == EPOCHS
    assert state.best_epoch == 1 + values.index(max(values))
    assert state.best_mrr == max(values)
    scored = SplitScorer(load(whole._run.path), tiny_data, config.history)("valid")
    assert RankingMetrics().calc(scored.logits)["mrr"] == max(values)


class WeightRecorder(Observer):
    """Keeps the weights after each epoch's last step, and those seen at its end."""

    def __init__(self) -> None:
        self.steps = 0
        self.trained: list[dict[str, npt.NDArray[np.float32]]] = []
        self.seen: list[dict[str, npt.NDArray[np.float32]]] = []

    def on_start(self, model: RankingModel, state: RunState, steps: int) -> None:
        self.steps = steps

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        if step == self.steps:
            self.trained.append({variable.path: variable.numpy() for variable in model.weights})

    def on_epoch(self, model: RankingModel, state: RunState, logs: Logs) -> None:
        self.seen.append({variable.path: variable.numpy() for variable in model.weights})


def test_the_best_model_is_the_average_up_to_its_epoch(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    recorder = WeightRecorder()
    state = start(plain, tiny_data, tmp_path / "run", recorder).fit()
    best = load(tmp_path / "run")
    for variable in best.trainable_variables:
        ends = np.array([end[variable.path] for end in recorder.trained])
        seen = np.array([end[variable.path] for end in recorder.seen])
        assert len(ends) == len(seen) == EPOCHS
        for epoch in range(1, EPOCHS + 1):
            powers = DECAY ** np.arange(epoch)[::-1]
            expected = np.average(ends[:epoch], axis=0, weights=powers)
            np.testing.assert_allclose(seen[epoch - 1], expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_array_equal(variable.numpy(), seen[state.best_epoch - 1])
    # The average is not where the last epoch ended.
    assert np.abs(seen[-1] - ends[-1]).max() > 1e-4


def test_logs_hold_every_term_and_their_weighted_sum(
    config: Config, undisturbed: tuple[Trainer, RunState]
) -> None:
    for logs in undisturbed[1].history:
        alignment = logs["alignment_q2i"] + logs["alignment_i2q"]
        contrast = logs["contrast_rec"] + logs["contrast_search"]
        # (8) is the mean of both directions.
        expected = logs["bce"] + config.model.alpha * alignment / 2 + config.model.beta * contrast
        assert logs["loss"] == pytest.approx(expected, rel=1e-5)


def test_training_lowers_the_loss(undisturbed: tuple[Trainer, RunState]) -> None:
    losses = [logs["bce"] for logs in undisturbed[1].history]
    assert losses[-1] < losses[0]


class Poisoner(Observer):
    """Gives all trainable weights one value after a step; step 0 is an epoch's last."""

    def __init__(self, epoch: int, step: int, value: float = math.nan) -> None:
        self._at = (epoch, step)
        self._value = value
        self._steps = 0

    def on_start(self, model: RankingModel, state: RunState, steps: int) -> None:
        self._steps = steps

    def on_step(self, model: RankingModel, state: RunState, step: int, logs: Logs) -> None:
        if (state.epoch, step % self._steps) == self._at:
            for variable in model.trainable_variables:
                variable.assign(np.full(variable.shape, self._value))


def diverge(
    config: Config, data: PreparedDataset, path: Path, poisoner: Poisoner
) -> tuple[Trainer, str]:
    """The trainer, and what it says of the divergence."""
    trainer = start(config, data, path, poisoner)
    with pytest.raises(FloatingPointError) as error:
        trainer.fit()
    return trainer, str(error.value)


def test_a_loss_that_is_not_finite_stops_the_run(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    trainer, message = diverge(plain, tiny_data, tmp_path / "run", Poisoner(0, 4))
    checkpoint = tmp_path / "run" / "checkpoints" / "step-00000-00000003"
    assert message.startswith("the loss term `bce` is nan at epoch 1, step 5, expected a finite")
    assert f"Last good checkpoint: {checkpoint}." in message
    assert "--init-from" not in message
    assert trainer._run.checkpoints.latest() == checkpoint


@pytest.mark.parametrize("epoch", [0, 1])
def test_weights_that_are_not_finite_reach_no_checkpoint(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path, epoch: int
) -> None:
    """The loss before the update was; the checkpoint before it stays, and is fit to go on from."""
    trainer, message = diverge(plain, tiny_data, tmp_path / "run", Poisoner(epoch, 6))
    last = (0, 3) if epoch == 0 else (1, 3)
    checkpoint = tmp_path / "run" / "checkpoints" / f"step-{last[0]:05d}-{last[1]:08d}"
    assert re.match(rf"the weight `\S+` is not finite at epoch {epoch + 1}, step 6, ", message)
    assert f"Last good checkpoint: {checkpoint}." in message
    assert ("from this one with --init-from" in message) == (epoch == 1)
    assert trainer._run.checkpoints.latest() == checkpoint
    resumed = start(plain, tiny_data, tmp_path / "run")
    resumed._run.checkpoints.restore(resumed.model, resumed._average.variables)
    assert all(np.isfinite(value).all() for value in weights(resumed.model).values())


@pytest.mark.parametrize(
    ("value", "what"),
    [(math.nan, r"the weight `\S+` is"), (3e38, r"\d+ of \d+ logits of the validation split are")],
)
def test_divergence_in_the_last_step_is_no_fault_of_validation(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path, value: float, what: str
) -> None:
    """Weights that are not finite, and such as give logits that are not."""
    trainer, message = diverge(plain, tiny_data, tmp_path / "run", Poisoner(0, 0, value))
    last = (trainer.steps - 1) // 3 * 3
    assert re.match(rf"{what} not finite at epoch 1, step {trainer.steps}, ", message)
    names = [path.name for path in trainer._run.checkpoints.directory.iterdir()]
    assert names == [f"step-00000-{last:08d}"]


def test_stops_early_and_lowers_the_rate(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """The first epoch improves; with a rate of next to nothing no other does.

    Epoch 2 is bad, patience 0: the rate falls to its floor. Epochs 3 and 4 begin at the floor
    and are bad, patience 1: the second of them stops the run.
    """
    config = plain.replace(
        "training",
        epochs=9,
        learning_rate=1e-12,
        minimum_learning_rate=1e-13,
        plateau_patience=0,
        early_stopping_patience=1,
        checkpoint_steps=0,
    )
    state = start(config, tiny_data, tmp_path / "run").fit()
    assert [logs["learning_rate"] for logs in state.history] == [1e-12, 1e-12, 1e-13, 1e-13]
    assert (state.epoch, state.best_epoch, state.schedule.stop) == (4, 1, True)


def test_damaged_training_records_are_named(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    data = PreparedDataset(shutil.copytree(tiny_data.path, tmp_path / "data"))
    file = Path(data.record_files("train")[-1])
    os.truncate(file, file.stat().st_size - 7)
    trainer = start(plain, data, tmp_path / "run")
    with pytest.raises(InputError, match=f"{re.escape(str(file))} is truncated"):
        trainer.fit()


def test_mixed_precision_trains(config: Config, tiny_data: PreparedDataset, tmp_path: Path) -> None:
    config = config.replace("training", epochs=1, mixed_precision="mixed_float16")
    trainer = start(config, tiny_data, tmp_path / "run")
    state = trainer.fit()
    assert math.isfinite(state.history[0]["loss"])
    assert keras.config.dtype_policy().name == "float32"
    assert trainer.model.rec_encoder.compute_dtype == "float16"
    assert {variable.dtype for variable in trainer.model.trainable_variables} == {"float32"}
    assert int(trainer.model.optimizer.iterations) > 0
    assert type(trainer.model.optimizer) is LossScaleOptimizer
    # The loaded model computes in float32.
    logits = SplitScorer(load(tmp_path / "run"), tiny_data, config.history)("valid").logits
    difference = np.abs(trainer._scorer("valid").logits - logits)
    # An event at the threshold may fall on its other side, and move all scores of its user.
    assert np.quantile(difference, 0.9) < 0.02
    assert difference.max() < 0.5


def test_too_few_instances_for_a_batch(
    plain: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    instances = tiny_data.instances("train")
    config = plain.replace("training", batch_size=instances + 1)
    with pytest.raises(InputError, match=f"{instances} training instances, expected at least one"):
        start(config, tiny_data, tmp_path / "run")
