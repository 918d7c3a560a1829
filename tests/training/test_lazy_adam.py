"""Adam on the rows a step uses."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.training.adam import Adam
from sesrec_tf.training.lazy_adam import LazyAdam
from tests.training.test_adam import GRADIENTS, RATE, START, run, torch_adam

ROWS = len(START)


def slices(rows: list[int], values: np.ndarray) -> tf.IndexedSlices:
    return tf.IndexedSlices(tf.constant(values), tf.constant(rows), tf.constant(START.shape))


def lazy_reference(
    batches: list[tuple[list[int], np.ndarray]], rate: float, l2: float
) -> np.ndarray:
    """Adam whose moments and values stand still in rows not used, while the step counts on."""
    value, first, second = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for step, (rows, values) in enumerate(batches, start=1):
        dense = np.zeros_like(START)
        np.add.at(dense, rows, values)
        for row in set(rows):
            gradient = dense[row] + l2 * value[row]
            first[row] = 0.9 * first[row] + 0.1 * gradient
            second[row] = 0.999 * second[row] + 0.001 * gradient**2
            root = np.sqrt(second[row] / (1 - 0.999**step)) + 1e-8
            value[row] -= rate * first[row] / (1 - 0.9**step) / root
    return value


@settings(deadline=None, max_examples=15)
@given(
    st.lists(st.lists(st.integers(0, ROWS - 1), max_size=6), min_size=1, max_size=4),
    st.sampled_from([0.0, 0.3]),
    st.integers(0, 100),
)
def test_several_steps(steps: list[list[int]], l2: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batches = [(rows, rng.normal(size=(len(rows), 3))) for rows in steps]
    gradients = [slices(np.array(rows, np.int64), values) for rows, values in batches]
    found = run(LazyAdam(RATE, l2=l2), gradients, "float64")
    np.testing.assert_allclose(found, lazy_reference(batches, RATE, l2), rtol=1e-10)
    unused = sorted(set(range(ROWS)) - set().union(*steps))
    np.testing.assert_array_equal(found[unused], START[unused])


def test_moments_of_unused_rows_stand_still() -> None:
    variable = keras.Variable(START, dtype="float64")
    optimizer = LazyAdam(RATE, l2=0.3)
    optimizer.build([variable])
    optimizer.apply([slices([1, 3], GRADIENTS[0][:2])], [variable])
    before = [np.array(moment) for moment in optimizer.variables]
    optimizer.apply([slices([3], GRADIENTS[1][:1])], [variable])
    moments = [
        (old, np.array(new))
        for old, new in zip(before, optimizer.variables, strict=True)
        if old.shape == START.shape
    ]
    assert len(moments) == 2
    for old, new in moments:
        np.testing.assert_array_equal(new[:3], old[:3])
        assert (new[3] != old[3]).all()


@pytest.mark.parametrize("l2", [0.0, 0.3])
def test_equals_adam_if_every_row_is_used_each_step(l2: float) -> None:
    order = [2, 0, 3, 1]
    gradients = [slices(order, gradient[order]) for gradient in GRADIENTS]
    lazy = run(LazyAdam(RATE, l2=l2), gradients, "float64")
    np.testing.assert_allclose(lazy, run(Adam(RATE, l2=l2), GRADIENTS, "float64"), rtol=1e-12)


def test_dense_gradients_are_those_of_adam() -> None:
    found = run(LazyAdam(RATE, l2=0.3), GRADIENTS, "float64")
    np.testing.assert_allclose(found, torch_adam(START, GRADIENTS, RATE, 0.3), rtol=1e-12)


def test_results_do_not_depend_on_the_order_of_many_duplicates() -> None:
    # A plain scatter of duplicates adds in whatever order its threads arrive.
    rng = np.random.default_rng(0)
    rows = rng.integers(0, ROWS, 20_000)
    gradient = slices(rows, rng.normal(size=(len(rows), 3)).astype(np.float32))
    first = run(LazyAdam(RATE), [gradient] * 2, "float32")
    for _ in range(3):
        np.testing.assert_array_equal(run(LazyAdam(RATE), [gradient] * 2, "float32"), first)


def test_the_configuration_round_trips() -> None:
    optimizer = LazyAdam(0.02, l2=0.1)
    serialized = keras.saving.serialize_keras_object(optimizer)
    copy = keras.saving.deserialize_keras_object(serialized)
    assert type(copy) is LazyAdam
    assert copy.get_config() == optimizer.get_config()
