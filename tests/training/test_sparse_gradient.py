"""Gradients of few rows."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.training.sparse_gradient import summed_rows


def test_by_hand() -> None:
    gradient = tf.IndexedSlices(tf.constant([[1.0], [2.0], [4.0]]), tf.constant([7, 3, 7]))
    rows, values = summed_rows(gradient)
    np.testing.assert_array_equal(rows, [7, 3])
    np.testing.assert_array_equal(values, [[5.0], [2.0]])


@settings(deadline=None, max_examples=20)
@given(st.lists(st.integers(0, 5), max_size=12), st.integers(0, 2**31))
def test_is_the_dense_gradient(indices: list[int], seed: int) -> None:
    held = np.random.default_rng(seed).integers(-9, 9, (len(indices), 2)).astype(np.float64)
    gradient = tf.IndexedSlices(
        tf.constant(held, shape=held.shape), tf.constant(indices, tf.int32, (len(indices),)), [6, 2]
    )
    rows, values = summed_rows(gradient)
    found = np.zeros((6, 2))
    found[rows.numpy()] = values
    expected = np.zeros((6, 2))
    np.add.at(expected, indices, held)
    np.testing.assert_array_equal(found, expected)
    assert len(set(rows.numpy())) == len(rows)
