"""Dropout as a function of seed and step."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.layers.seeded_dropout import SeededDropout
from tests.layers.layer_test import run_layer_test

SEED = np.array([3, 5], np.int32)
ONES = np.ones((40, 50), np.float32)


def drop(rate: float, seed: np.ndarray = SEED, name: str = "dropout") -> np.ndarray:
    layer = SeededDropout(rate, name=name)
    layer.build(ONES.shape)
    return np.asarray(layer(ONES, training=True, seed=tf.constant(seed)))


def test_as_a_layer() -> None:
    inputs = {"inputs": ONES, "seed": SEED}
    run_layer_test(
        SeededDropout(0.3), (None,), inputs, {}, shared=("seed",), options={"training": True}
    )


def test_survivors_are_scaled_up() -> None:
    # 2,000 draws at rate 1/5: 1,600 survivors of 1 / (1 - 1/5) = 1.25, standard deviation 18.
    found = drop(0.2)
    assert set(np.unique(found)) == {0.0, np.float32(1.25)}
    assert 1520 < (found > 0).sum() < 1680


@settings(deadline=None, max_examples=10)
@given(st.integers(0, 2**31 - 1), st.integers(0, 2**31 - 1))
def test_draws_follow_from_seed_step_and_name_alone(seed: int, step: int) -> None:
    pair = np.array([seed, step], np.int32)
    np.testing.assert_array_equal(drop(0.5, pair), drop(0.5, pair))
    other = np.array([seed, (step + 1) % 2**31], np.int32)
    assert (drop(0.5, pair) != drop(0.5, other)).any()
    assert (drop(0.5, pair) != drop(0.5, pair, name="another")).any()


def test_nothing_is_dropped_outside_training_or_at_rate_zero() -> None:
    layer = SeededDropout(0.5)
    assert layer(ONES, training=False) is not None
    np.testing.assert_array_equal(layer(ONES, training=False), ONES)
    np.testing.assert_array_equal(SeededDropout(0.0)(ONES, training=True), ONES)


def test_a_missing_seed_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"needs `seed`, an int32 \[2\] tensor.*Received: None"):
        SeededDropout(0.5)(ONES, training=True)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_a_rate_outside_its_range_is_an_error(rate: float) -> None:
    with pytest.raises(ValueError, match=r"`rate` should be in \[0, 1\)"):
        SeededDropout(rate)


@pytest.mark.parametrize("rate", [1e-7, 1 - 1e-7])
def test_rates_at_the_ends_draw(rate: float) -> None:
    found = drop(rate)
    assert found.shape == ONES.shape
    assert (found > 0).all() if rate < 0.5 else (found == 0).mean() > 0.99


def test_the_rate_is_met_beyond_one_in_a_thousand() -> None:
    layer = SeededDropout(0.1)
    layer.build(None)
    found = np.asarray(layer(np.ones((1000, 1001), np.float32), training=True, seed=SEED))
    # A million draws: standard deviation 0.0003.
    assert abs((found == 0).mean() - 0.1) < 0.0015
