"""Masked reductions."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from sesrec_tf.layers.masking import at_least_float32, masked_mean, masked_softmax
from tests.reference import sesrec_numpy as reference

# A history of one event is as good as any other.
pytestmark = pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")

SHAPES = st.tuples(st.integers(1, 4), st.integers(1, 6))


def test_softmax_by_hand() -> None:
    # Weights 1 and 3 of the valid entries: 1/4 and 3/4; the padded 100 does not count.
    logits = np.log(np.array([[1.0, 3.0, 100.0], [1.0, 1.0, 1.0]]))
    mask = np.array([[True, True, False], [False, False, False]])
    found = masked_softmax(logits, mask)
    np.testing.assert_allclose(found, [[1 / 4, 3 / 4, 0], [0, 0, 0]], rtol=1e-12)


@settings(deadline=None, max_examples=30)
@given(st.data(), SHAPES)
def test_softmax_sums_to_one_where_there_is_an_entry(data: st.DataObject, shape: tuple) -> None:
    logits = data.draw(arrays.arrays(np.float32, shape, elements=st.floats(-1e4, 1e4, width=32)))
    mask = data.draw(arrays.arrays(bool, shape))
    found = np.asarray(masked_softmax(logits, mask))
    np.testing.assert_allclose(found.sum(-1), mask.any(-1).astype(float), rtol=1e-5)
    assert not found[~mask].any()
    np.testing.assert_allclose(found, reference.masked_softmax(logits, mask), atol=1e-6)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
def test_softmax_is_never_computed_in_half_precision(dtype: str) -> None:
    logits = tf.cast([[60000.0, 60000.0, -60000.0], [0.0, 0.0, 0.0]], dtype)
    found = masked_softmax(logits, np.array([[True, True, True], [False, False, False]]))
    assert found.dtype == ("float64" if dtype == "float64" else "float32")
    np.testing.assert_array_equal(found, [[0.5, 0.5, 0], [0, 0, 0]])


def test_softmax_of_the_lowest_logit_is_still_that_of_its_only_entry() -> None:
    logits = np.array([[-3e38, 3e38]], np.float32)
    found = masked_softmax(logits, np.array([[True, False]]))
    np.testing.assert_array_equal(found, [[1.0, 0.0]])


def test_mean_by_hand() -> None:
    values = np.array([[[1.0, 2.0], [3.0, 6.0], [9.0, 9.0]]] * 2)
    mask = np.array([[True, True, False], [False, False, False]])
    np.testing.assert_array_equal(masked_mean(values, mask), [[2.0, 4.0], [0.0, 0.0]])


@settings(deadline=None, max_examples=30)
@given(st.data(), SHAPES)
def test_mean_does_not_depend_on_what_is_masked(data: st.DataObject, shape: tuple) -> None:
    elements = st.floats(-100, 100)
    values = data.draw(arrays.arrays(np.float64, (*shape, 2), elements=elements))
    mask = data.draw(arrays.arrays(bool, shape))
    found = np.asarray(masked_mean(values, mask))
    noise = np.where(mask[..., None], values, values + 7)
    np.testing.assert_allclose(masked_mean(noise, mask), found, atol=1e-12)
    for row in range(shape[0]):
        expected = values[row][mask[row]].mean(0) if mask[row].any() else np.zeros(2)
        np.testing.assert_allclose(found[row], expected, atol=1e-10)


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("float16", "float32"), ("float32", "float32"), ("float64", "float64")],
)
def test_precision_is_only_ever_raised(dtype: str, expected: str) -> None:
    assert at_least_float32(keras.ops.ones((2,), dtype)).dtype == expected
