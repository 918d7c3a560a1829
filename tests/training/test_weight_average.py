from __future__ import annotations

import keras
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.training.weight_average import WeightAverage


def model_of(value: float) -> keras.Model:
    """A single weight."""
    model = keras.Sequential([keras.layers.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    set_weight(model, value)
    return model


def set_weight(model: keras.Model, value: float) -> None:
    model.trainable_variables[0].assign([[value]])


def weight(model: keras.Model) -> float:
    return float(np.asarray(model.trainable_variables[0])[0, 0])


def averaged(model: keras.Model, average: WeightAverage) -> float:
    with average.applied():
        return weight(model)


def test_golden() -> None:
    """δ = 1/2: after 1 it is 1; after 1, 3 it is (½·1 + 3) / (½ + 1) = 7/3;
    after 1, 3, 0 it is (¼·1 + ½·3 + 0) / (¼ + ½ + 1) = 1."""
    model = model_of(50.0)
    average = WeightAverage(model, 0.5)
    found = []
    for epoch, value in enumerate([1.0, 3.0, 0.0], start=1):
        set_weight(model, value)
        average.update(epoch)
        found.append(averaged(model, average))
    np.testing.assert_allclose(found, [1.0, 7 / 3, 1.0], rtol=1e-6, atol=1e-6)


@settings(deadline=None, max_examples=20)
@given(
    decay=st.floats(0.01, 0.99),
    values=st.lists(st.floats(-5, 5, width=32), min_size=1, max_size=12),
)
def test_it_is_the_mean_weighted_by_powers_of_the_decay(decay: float, values: list[float]) -> None:
    model = model_of(0.0)
    average = WeightAverage(model, decay)
    for epoch, value in enumerate(values, start=1):
        set_weight(model, value)
        average.update(epoch)
    powers = decay ** np.arange(len(values))[::-1]
    expected = np.average(values, weights=powers)
    assert averaged(model, average) == pytest.approx(expected, rel=1e-4, abs=1e-4)


def average_of_one_and_model_at_two() -> tuple[WeightAverage, keras.Model]:
    model = model_of(1.0)
    average = WeightAverage(model, 0.5)
    average.update(1)
    set_weight(model, 2.0)
    return average, model


def test_the_model_gets_its_own_weights_back() -> None:
    average, model = average_of_one_and_model_at_two()
    with average.applied():
        assert weight(model) == 1.0
    assert weight(model) == 2.0


def test_an_error_within_leaves_the_model_its_own_weights() -> None:
    average, model = average_of_one_and_model_at_two()
    with pytest.raises(ZeroDivisionError), average.applied():
        1 / 0  # noqa: B018
    assert weight(model) == 2.0


def test_without_decay_nothing_is_held_or_changed() -> None:
    model = model_of(1.0)
    average = WeightAverage(model, 0.0)
    average.update(1)
    set_weight(model, 2.0)
    average.update(2)
    assert average.variables == []
    assert averaged(model, average) == 2.0
