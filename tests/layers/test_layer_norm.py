"""Layer normalisation with a gradient written by hand."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.layers.layer_norm import LayerNorm
from tests.layers.layer_test import run_layer_test


def test_as_a_layer() -> None:
    inputs = {"inputs": np.random.default_rng(0).normal(size=(6, 4, 5)).astype(np.float32)}
    weights = {"gamma": (5,), "beta": (5,)}
    run_layer_test(LayerNorm(epsilon=1e-6), ((None, 4, 5),), inputs, weights)


def test_by_hand() -> None:
    layer = LayerNorm(epsilon=0.0, dtype="float64")
    layer.build((None, 2))
    layer.set_weights([np.array([3.0, 5.0]), np.array([0.5, 0.25])])
    # Mean 4, deviation 2: −1 and 1.
    np.testing.assert_array_equal(layer(np.array([[2.0, 6.0]])), [[-2.5, 5.25]])


@settings(deadline=None, max_examples=25)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(2, 6), st.integers(0, 2**31))
def test_equals_what_tensorflow_derives_of_keras(
    batch: int, length: int, width: int, seed: int
) -> None:
    random = np.random.default_rng(seed)
    inputs = tf.constant(random.normal(size=(batch, length, width)))
    weights = [random.normal(size=width) for _ in range(2)]
    upstream = random.normal(size=inputs.shape)
    found = []
    for kind in (LayerNorm, keras.layers.LayerNormalization):
        layer = kind(epsilon=1e-3, dtype="float64")
        layer.build(inputs.shape)
        layer.set_weights(weights)
        variables = [layer.gamma.value, layer.beta.value]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            outputs = layer(inputs)
            total = tf.reduce_sum(outputs * upstream)
        found.append([outputs, *tape.gradient(total, [inputs, *variables])])
    for each, other in zip(*found, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_equal_states_are_finite(value: float) -> None:
    layer = LayerNorm(epsilon=1e-8)
    layer.build((None, 3))
    inputs = tf.fill([2, 3], value)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs = layer(inputs)
    np.testing.assert_array_equal(outputs, np.zeros((2, 3)))
    assert np.isfinite(tape.gradient(outputs, inputs)).all()


@pytest.mark.parametrize("options", [{"axis": 1}, {"scale": False}, {"center": False}])
def test_what_it_would_ignore_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=r"should scale and centre the last axis. Received"):
        LayerNorm(**options).build((None, 4, 3))
