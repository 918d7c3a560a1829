"""Adam against a NumPy one that follows Torch's."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.training.adam import Adam

GRADIENTS = np.random.default_rng(0).normal(size=(6, 4, 3)) ** 3
# Exact in float32, the dtype of a learning rate.
RATE = 1 / 16
START = np.random.default_rng(1).normal(size=(4, 3))


def torch_adam(
    start: np.ndarray, gradients: np.ndarray, rate: float, l2: float, epsilon: float = 1e-8
) -> np.ndarray:
    """`g ← g + λθ`; `θ ← θ − lr · (m / (1 − β₁ᵗ)) / (√(v / (1 − β₂ᵗ)) + ε)`."""
    value, first, second = start.copy(), np.zeros_like(start), np.zeros_like(start)
    for step, gradient in enumerate(gradients, start=1):
        gradient = gradient + l2 * value
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = np.sqrt(second / (1 - 0.999**step)) + epsilon
        value -= rate * first / (1 - 0.9**step) / root
    return value


def run(optimizer: keras.optimizers.Optimizer, gradients: object, dtype: str) -> np.ndarray:
    variable = keras.Variable(START, dtype=dtype)
    optimizer.build([variable])
    for gradient in gradients:
        if not isinstance(gradient, tf.IndexedSlices):
            gradient = tf.constant(gradient, dtype)
        optimizer.apply([gradient], [variable])
    return np.asarray(variable)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-5)])
@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("epsilon", [1e-8, 1e-2])
def test_several_steps(dtype: str, tolerance: float, l2: float, epsilon: float) -> None:
    found = run(Adam(RATE, l2=l2, epsilon=epsilon), GRADIENTS, dtype)
    expected = torch_adam(START, GRADIENTS, RATE, l2, epsilon)
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


def test_the_first_step_of_a_row_without_data() -> None:
    # Spec §1.7: λ = 1e-5 and a row of 0.0057 give g = 5.7e-8 and a step of
    # 5.7e-8 / (5.7e-8 + 1e-8) = 0.85 lr; Keras' own Adam, with ε before the correction and hence
    # ε / √0.001 beside the root, gives 5.7e-8 / (5.7e-8 + 3.16e-7) = 0.15 lr.
    steps = []
    for optimizer in (Adam(1e-3, l2=1e-5), keras.optimizers.Adam(1e-3, epsilon=1e-8)):
        variable = keras.Variable([0.0057], dtype="float64")
        gradient = 0.0 if isinstance(optimizer, Adam) else 5.7e-8
        optimizer.apply([tf.constant([gradient], tf.float64)], [variable])
        steps.append((0.0057 - float(variable[0])) / 1e-3)
    assert steps == pytest.approx([0.85, 0.15], abs=0.005)


def test_l2_is_the_gradient_of_half_the_squares() -> None:
    # ∇ ½ λ Σ θ² = λ θ, coupled: it passes through the moments.
    variable = keras.Variable(START, dtype="float64")
    optimizer = Adam(RATE)
    for gradient in GRADIENTS:
        with tf.GradientTape() as tape:
            penalty = 0.5 * 0.3 * tf.reduce_sum(variable.value**2)
        total = tape.gradient(penalty, variable.value) + gradient
        optimizer.apply([total], [variable])
    np.testing.assert_allclose(run(Adam(RATE, l2=0.3), GRADIENTS, "float64"), variable, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:Gradients do not exist for variables")
@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_a_parameter_the_loss_does_not_reach_only_decays(l2: float) -> None:
    reached, other = keras.Variable([1.0]), keras.Variable([2.0])
    optimizer = Adam(0.1, l2=l2)
    optimizer.build([reached, other])
    optimizer.apply([tf.constant([1.0]), None], [reached, other])
    assert float(reached[0]) == pytest.approx(0.9, abs=1e-5)
    # The first step of Adam is the learning rate, whatever the size of the gradient.
    assert float(other[0]) == pytest.approx(1.9 if l2 else 2.0, abs=1e-5)


def test_repeated_rows_of_a_sparse_gradient_are_summed_and_the_others_decay() -> None:
    rows, values = np.array([2, 0, 2]), GRADIENTS[0][:3]
    dense = np.zeros((4, 3))
    np.add.at(dense, rows, values)
    sparse = tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant([4, 3]))
    found = run(Adam(RATE, l2=0.3), [sparse] * 3, "float64")
    np.testing.assert_allclose(found, torch_adam(START, [dense] * 3, RATE, 0.3), rtol=1e-12)
    assert (found[1] != START[1]).all()


def test_in_a_graph_as_eagerly() -> None:
    variable, optimizer = keras.Variable(START, dtype="float64"), Adam(RATE, l2=0.3)
    optimizer.build([variable])

    @tf.function
    def step(gradient: tf.Tensor) -> None:
        optimizer.apply([gradient], [variable])

    for gradient in GRADIENTS:
        step(tf.constant(gradient))
    np.testing.assert_allclose(run(Adam(RATE, l2=0.3), GRADIENTS, "float64"), variable, rtol=1e-12)
    assert int(optimizer.iterations) == len(GRADIENTS)


def test_the_configuration_round_trips() -> None:
    optimizer = Adam(0.02, l2=0.1, beta_1=0.8, beta_2=0.9, epsilon=1e-5)
    serialized = keras.saving.serialize_keras_object(optimizer)
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is Adam
    assert copy.get_config() == optimizer.get_config()
