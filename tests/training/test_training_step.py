"""One update as a graph."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from sesrec_tf.training.training_step import training_step


def test_one_step_by_hand() -> None:
    # y = w x at w = 1 with mean squared error: the gradient is mean(2 x (w x - y)).
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.layers[0].kernel.assign([[1.0]])
    model.compile(optimizer=keras.optimizers.SGD(0.5), loss="mean_squared_error")
    batches = tf.data.Dataset.from_tensors((np.array([[1.0], [2.0]]), np.array([[3.0], [2.0]])))
    step = training_step(model, tf.distribute.get_strategy())
    logs = step(iter(batches.repeat()))
    # Errors -2 and 0: loss 2, gradient (2·1·(-2) + 0) / 2 = -2, w = 1 + 0.5 · 2 = 2.
    np.testing.assert_allclose(float(logs["loss"]), 2.0)
    np.testing.assert_allclose(model.layers[0].kernel, [[2.0]])


def test_losses_are_of_one_step_alone() -> None:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    model.layers[0].kernel.assign([[0.0]])
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss="mean_squared_error")
    one, other = (tf.data.Dataset.from_tensors(([[1.0]], [[y]])) for y in (1.0, 3.0))
    step = training_step(model, tf.distribute.get_strategy())
    batches = iter(one.concatenate(other))
    assert [float(step(batches)["loss"]) for _ in range(2)] == [1.0, 9.0]
