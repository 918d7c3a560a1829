"""The normaliser of the alignment loss, and its gradient written by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.layers.tanh_logsumexp import tanh_logsumexp


def composed(anchors: tf.Tensor, negatives: tf.Tensor, temperature: tf.Tensor) -> tf.Tensor:
    """The same of TensorFlow's own parts."""
    similarities = tf.tanh(tf.matmul(anchors, negatives, transpose_b=True))
    return tf.reduce_logsumexp(similarities / temperature, axis=-1)


def value_and_gradients(function: object, *inputs: tf.Tensor) -> list[np.ndarray]:
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        found = function(*inputs)
        # Another weight for every anchor.
        total = tf.reduce_sum(found * tf.cast(tf.range(1, len(found) + 1), found.dtype))
    return [found.numpy(), *(each.numpy() for each in tape.gradient(total, inputs))]


def test_by_hand() -> None:
    # tanh 0 = 0 and tanh(artanh 1/2) = 1/2, at τ = 1/2: log(e⁰ + e¹).
    anchor, half = tf.constant([[1.0]], tf.float64), math.atanh(0.5)
    negatives = tf.constant([[0.0], [half]], tf.float64)
    temperature = tf.constant(0.5, tf.float64)
    share = math.e / (1 + math.e)
    value, by_anchor, by_negatives, by_temperature = value_and_gradients(
        tanh_logsumexp, anchor, negatives, temperature
    )
    np.testing.assert_allclose(value, [math.log(1 + math.e)], rtol=1e-12)
    # p (1 − s²) / τ: (1 − share) · 1 · 2 and share · 3/4 · 2.
    np.testing.assert_allclose(by_negatives, [[2 - 2 * share], [1.5 * share]], rtol=1e-12)
    np.testing.assert_allclose(by_anchor, [[1.5 * share * half]], rtol=1e-12)
    # −Σ p s / τ²
    np.testing.assert_allclose(by_temperature, -share * 0.5 * 4, rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(
    st.integers(1, 6),
    st.integers(1, 7),
    st.integers(1, 4),
    st.floats(0.001, 10),
    st.integers(0, 2**31),
)
def test_equals_what_tensorflow_derives(
    anchors: int, negatives: int, width: int, temperature: float, seed: int
) -> None:
    random = np.random.default_rng(seed)
    inputs = (
        tf.constant(random.normal(size=(anchors, width))),
        tf.constant(random.normal(size=(negatives, width))),
        tf.constant(temperature, tf.float64),
    )
    found, expected = (
        value_and_gradients(function, *inputs) for function in (tanh_logsumexp, composed)
    )
    for each, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_lowest_temperature_neither_overflows_nor_vanishes(sign: float) -> None:
    # Similarities near ±1 over τ = 0.001: logits of ±1000, beyond float32's exponential.
    found = tanh_logsumexp(tf.constant([[9.0]]), tf.constant([[sign]] * 4), tf.constant(0.001))
    np.testing.assert_allclose(found, [sign * 1000 + math.log(4)], rtol=1e-6)


def test_no_anchor_has_no_normaliser_and_no_gradient() -> None:
    value, by_anchor, by_negatives, by_temperature = value_and_gradients(
        tanh_logsumexp, tf.zeros([0, 2]), tf.ones([3, 2]), tf.constant(0.1)
    )
    assert value.shape == (0,)
    assert by_anchor.shape == (0, 2)
    assert not by_negatives.any()
    assert by_temperature == 0


def test_half_precision_keeps_its_dtype_in_the_gradient() -> None:
    anchors, negatives = tf.ones([2, 3], tf.float16), tf.ones([4, 3], tf.float16)
    value, by_anchor, by_negatives, _ = value_and_gradients(
        tanh_logsumexp, anchors, negatives, tf.constant(0.1)
    )
    assert (value.dtype, by_anchor.dtype, by_negatives.dtype) == ("float32", "float16", "float16")


def test_a_scaled_loss_in_half_precision_keeps_its_gradient() -> None:
    # Most shares are below float16's least number, and the factors above its largest.
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(size, 8)) for size in (3, 1024)]
    scale = tf.constant([2.0**15, 2.0**16, 2.0**12])
    found = []
    for dtype in (tf.float16, tf.float32):
        inputs = [tf.cast(tf.cast(array, tf.float16), dtype) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(scale * tanh_logsumexp(*inputs, tf.constant(0.5)))
        found.append(tape.gradient(total, inputs))
    for half, full in zip(*found, strict=True):
        np.testing.assert_allclose(half, full, rtol=0.02, atol=0.01 * np.abs(full).max())
