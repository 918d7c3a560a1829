"""Distinct rows and where they are."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sesrec_tf.layers.distinct_rows import distinct_ids, distinct_vectors


def test_ids_in_the_order_of_their_first_appearance() -> None:
    found = distinct_ids(tf.constant([[7, 0, 7], [3, 0, 9]]))
    np.testing.assert_array_equal(found.rows, [7, 0, 3, 9])
    np.testing.assert_array_equal(found.places, [[0, 1, 0], [2, 1, 3]])


def test_vectors_are_the_same_only_in_all_their_places() -> None:
    found = distinct_vectors(tf.constant([[[1, 2], [1, 3]], [[1, 2], [2, 1]]]))
    np.testing.assert_array_equal(found.rows, [[1, 2], [1, 3], [2, 1]])
    np.testing.assert_array_equal(found.places, [[0, 1], [0, 2]])


@settings(deadline=None, max_examples=30)
@given(arrays.arrays(np.int32, st.tuples(*[st.integers(1, 5)] * 3), elements=st.integers(0, 3)))
def test_spreading_the_distinct_rows_gives_all_rows(vectors: np.ndarray) -> None:
    found = distinct_vectors(tf.constant(vectors))
    np.testing.assert_array_equal(found.spread(found.rows), vectors)
    assert len(np.unique(found.rows, axis=0)) == len(found.rows)
    ids = distinct_ids(tf.constant(vectors))
    np.testing.assert_array_equal(ids.spread(ids.rows), vectors)


def test_gradients_of_all_places_meet_in_a_row() -> None:
    found = distinct_ids(tf.constant([5, 6, 5]))
    values = tf.constant([[1.0], [2.0]])
    with tf.GradientTape() as tape:
        tape.watch(values)
        total = tf.reduce_sum(found.spread(values) * [[1.0], [10.0], [100.0]])
    np.testing.assert_array_equal(
        tf.convert_to_tensor(tape.gradient(total, values)), [[101.0], [10.0]]
    )


def test_an_empty_batch_has_no_rows() -> None:
    assert distinct_vectors(tf.zeros([0, 4, 3], tf.int32)).rows.shape == (0, 3)
    assert distinct_ids(tf.zeros([0, 4], tf.int32)).places.shape == (0, 4)
