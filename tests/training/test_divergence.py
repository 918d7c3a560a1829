from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.config import TrainingConfig
from sesrec_tf.training.checkpoints import Checkpoints, RunState
from sesrec_tf.training.divergence import DivergenceCheck
from sesrec_tf.training.optimizers import make_optimizer

STATE = RunState(epoch=2)


@pytest.fixture
def model() -> keras.Model:
    """Two weights and a table of integers, with their moments."""
    model = keras.Sequential([keras.layers.Input((3,)), keras.layers.Dense(2, name="dense")])
    model.compile(make_optimizer(TrainingConfig()), "mse")
    model.optimizer.build(model.trainable_variables)
    return model


@pytest.fixture
def check(model: keras.Model, tmp_path: Path) -> DivergenceCheck:
    average = [tf.Variable(tf.ones([2]))]
    model.average = average
    return DivergenceCheck(model, average, Checkpoints(tmp_path / "checkpoints"))


def test_finite_numbers_pass(check: DivergenceCheck) -> None:
    check.require_losses({"loss": 1e38, "bce": -1.0}, STATE, 5)
    check.require_weights(STATE, 5)
    check.require_logits(np.zeros((3, 4), np.float32), STATE, 5)


def test_the_term_is_named_before_the_total(check: DivergenceCheck) -> None:
    logs = {"loss": np.nan, "alignment": np.inf, "bce": 1.0}
    with pytest.raises(FloatingPointError, match=r"term `alignment` is inf at epoch 3, step 5,"):
        check.require_losses(logs, STATE, 5)
    with pytest.raises(FloatingPointError, match=r"the loss term `loss` is nan"):
        check.require_losses({"loss": np.nan, "bce": 1.0}, STATE, 5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_moments_and_averages(
    check: DivergenceCheck, model: keras.Model, value: float
) -> None:
    """Each of them alone, in one place of many; it is fine again once they are."""
    kernel, bias = model.trainable_variables
    moments = [each for each in model.optimizer.variables if each.path.endswith("velocity")]
    for variable, name in (
        (kernel, "weight `dense/kernel`"),
        (bias, "weight `dense/bias`"),
        (moments[0], f"optimizer variable `{moments[0].path}`"),
        (model.average[0], "averaged weight 0"),
    ):
        good = np.array(variable)
        bad = good.copy()
        bad[-1] = value
        variable.assign(bad)
        with pytest.raises(FloatingPointError) as error:
            check.require_weights(STATE, 5)
        assert f"the {name} is not finite at epoch 3, step 5," in str(error.value)
        variable.assign(good)
        check.require_weights(STATE, 5)


def test_logits(check: DivergenceCheck) -> None:
    logits = np.array([[0.0, np.inf], [np.nan, 1.0]], np.float32)
    with pytest.raises(FloatingPointError, match="2 of 4 logits of the validation split are not"):
        check.require_logits(logits, STATE, 5)


def test_the_advice_can_be_followed(
    check: DivergenceCheck, model: keras.Model, tmp_path: Path
) -> None:
    """Another run can start only from one with a finished epoch."""
    checkpoints = Checkpoints(tmp_path / "checkpoints")

    def message() -> str:
        with pytest.raises(FloatingPointError) as error:
            check.require_losses({"loss": np.nan}, STATE, 5)
        return str(error.value)

    assert "Last good checkpoint: none yet." in message()
    assert message().endswith("start a new run with a lower --learning-rate.")
    target = checkpoints.save(model, RunState(step=3))
    assert f"Last good checkpoint: {target}." in message()
    assert message().endswith("start a new run with a lower --learning-rate.")
    target = checkpoints.save(model, RunState(epoch=1, best_epoch=1))
    assert f"Last good checkpoint: {target}." in message()
    assert message().endswith("--learning-rate, if you like from this one with --init-from.")
