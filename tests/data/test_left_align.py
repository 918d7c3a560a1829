"""Golden and round trip of the order of events."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.left_align import as_requested, left_align


def test_left_align_golden():
    values = tf.constant([[5, 6, 7], [5, 6, 7]])
    valid = tf.constant([[False, True, True], [True, False, True]])
    assert left_align(values, valid).numpy().tolist() == [[6, 7, 0], [5, 7, 0]]
    pairs = tf.stack([values, -values], axis=-1)
    assert left_align(pairs, valid)[0].numpy().tolist() == [[6, -6], [7, -7], [0, 0]]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=4))
def test_what_is_known_of_events_goes_back_to_their_places(rows):
    valid = tf.constant(rows)
    values = np.arange(1, 1 + valid.shape[0] * 10).reshape(-1, 5, 2)
    aligned = left_align(tf.constant(values), valid)
    padded = tf.pad(aligned, [[0, 0], [0, 3], [0, 0]])
    expected = np.where(np.array(rows)[..., None], values, 0)
    np.testing.assert_array_equal(as_requested(padded, valid), expected)
