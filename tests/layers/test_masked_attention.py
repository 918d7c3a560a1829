"""Attention with a gradient written by hand."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.layers.masked_attention import masked_attention


def composed(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, mask: np.ndarray) -> tf.Tensor:
    """The same of TensorFlow's own parts."""
    scores = tf.matmul(query, key, transpose_b=True)
    weights = tf.nn.softmax(tf.where(mask[:, None, None, :], scores, -1e300))
    weights *= tf.cast(mask.any(-1), scores.dtype)[:, None, None, None]
    return tf.matmul(weights, value)


def test_by_hand() -> None:
    # Scores (ln 3, 0) and a masked one: weights 3/4 and 1/4.
    query = tf.constant([[[[1.0]]]], tf.float64)
    key = tf.constant([[[[math.log(3)], [0.0], [99.0]]]], tf.float64)
    value = tf.constant([[[[4.0], [8.0], [99.0]]]], tf.float64)
    found = masked_attention(query, key, value, tf.constant([[True, True, False]]))
    np.testing.assert_allclose(found, [[[[5.0]]]], rtol=1e-12)


@settings(deadline=None, max_examples=25)
@given(st.data(), st.integers(1, 3), st.integers(1, 2), st.integers(1, 5), st.integers(1, 3))
def test_equals_what_tensorflow_derives(
    data: st.DataObject, batch: int, heads: int, length: int, size: int
) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**31)))
    mask = random.random((batch, length)) < data.draw(st.sampled_from([0.0, 0.5, 1.0]))
    inputs = [tf.constant(random.normal(size=(batch, heads, length, size))) for _ in range(3)]
    weights = random.normal(size=(batch, heads, length, size))
    found = []
    for function in (masked_attention, composed):
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            context = function(*inputs, mask if function is composed else tf.constant(mask))
            total = tf.reduce_sum(context * weights)
        found.append([context, *tape.gradient(total, inputs)])
    for each, other in zip(*found, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-9, atol=1e-12)


def test_an_empty_history_gives_zeros_and_no_gradient() -> None:
    inputs = [tf.ones([1, 1, 2, 1]) for _ in range(3)]
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        context = masked_attention(*inputs, tf.zeros([1, 2], tf.bool))
    assert not np.any(context)
    assert not any(np.any(each) for each in tape.gradient(context, inputs))


def test_half_precision_has_the_gradient_of_float32() -> None:
    random = np.random.default_rng(0)
    arrays = [random.normal(size=(2, 2, 20, 4)) for _ in range(3)]
    mask = tf.constant(random.random((2, 20)) < 0.7)
    found = []
    for dtype in (tf.bfloat16, tf.float32):
        inputs = [tf.cast(tf.cast(array, tf.bfloat16), dtype) for array in arrays]
        with tf.GradientTape() as tape:
            tape.watch(inputs)
            total = tf.reduce_sum(tf.cast(masked_attention(*inputs, mask), tf.float32) ** 2)
        found.append([tf.cast(each, tf.float32) for each in tape.gradient(total, inputs)])
    for half, full in zip(*found, strict=True):
        np.testing.assert_allclose(half, full, atol=0.03 * np.abs(full).max())
