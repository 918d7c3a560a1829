"""The plateau schedule and the early stop."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.config import TrainingConfig
from sesrec_tf.training.plateau_schedule import PlateauSchedule, PlateauState

CONFIG = TrainingConfig(
    learning_rate=1e-3,
    plateau_factor=0.1,
    plateau_patience=1,
    minimum_learning_rate=1e-5,
    early_stopping_patience=2,
)


def run(values: list[float], config: TrainingConfig = CONFIG) -> list[PlateauState]:
    """The state after each epoch, to the stop."""
    schedule = PlateauSchedule(config)
    states, state = [], schedule.start()
    for value in values:
        state = schedule.update(state, value)
        states.append(state)
        if state.stop:
            break
    return states


def rates(states: list[PlateauState]) -> list[float]:
    return [state.learning_rate for state in states]


def test_a_trace_by_hand() -> None:
    # Patience 1: the rate falls after the second bad epoch in a row. Epochs 6 to 8 begin at the
    # floor and do not improve; the third of them is more than 2.
    states = run([0.5] * 20)
    expected = [1e-3, 1e-3, 1e-4, 1e-4, 1e-5, 1e-5, 1e-5, 1e-5]
    assert rates(states) == pytest.approx(expected)
    assert [state.bad_epochs for state in states] == [0, 1, 0, 1, 0, 1, 0, 1]
    assert [state.floor_epochs for state in states] == [0, 0, 0, 0, 0, 1, 2, 3]
    assert [state.stop for state in states] == [False] * 7 + [True]


def test_an_improvement_starts_both_counts_afresh() -> None:
    # Down to the floor in epoch 5, bad in 6 and 7, better in 8; 9 to 11 are three bad ones.
    states = run([0.5] * 7 + [0.6] * 20)
    assert [state.floor_epochs for state in states[5:]] == [1, 2, 0, 1, 2, 3]
    assert len(states) == 11
    assert states[-1].stop
    assert states[-1].best == 0.6


def test_patience_of_the_amazon_run() -> None:
    # Patience 5: six bad epochs for each fall, and more than 5 at the floor: 1 + 6 + 6 + 6.
    states = run([0.5] * 40, TrainingConfig())
    assert len(states) == 19
    assert rates(states)[5:7] == pytest.approx([1e-3, 1e-4])
    assert rates(states)[11:13] == pytest.approx([1e-4, 1e-5])


@pytest.mark.parametrize(("value", "improves"), [(0.50004, False), (0.50006, True)])
def test_the_threshold_is_relative(value: float, improves: bool) -> None:
    # 0.5 · (1 + 1e-4) = 0.50005.
    state = run([0.5, value])[-1]
    assert (state.bad_epochs == 0) == improves
    assert state.best == (value if improves else 0.5)


def test_small_gains_are_measured_from_the_last_that_counted() -> None:
    # Each gain is under 0.00005, the second one is 0.00006 over the best that counted.
    states = run([0.5, 0.50003, 0.50006])
    assert [state.bad_epochs for state in states] == [0, 1, 0]


def test_the_rate_never_falls_below_the_floor() -> None:
    config = TrainingConfig(learning_rate=3e-5, plateau_patience=0, early_stopping_patience=50)
    assert set(rates(run([0.5, 0.5, 0.5, 0.5], config))) == {3e-5, 1e-5}


def test_a_value_that_is_no_number_is_no_improvement() -> None:
    assert run([0.5, math.nan])[-1].bad_epochs == 1


def test_the_first_value_counts_whatever_it_is() -> None:
    state = run([0.0])[-1]
    assert (state.best, state.bad_epochs) == (0.0, 0)


def torch_rates(values: list[float], config: TrainingConfig) -> list[float]:
    """`torch.optim.lr_scheduler.ReduceLROnPlateau(mode="max")` after each step."""
    rate, best, bad, found = config.learning_rate, -math.inf, 0, []
    for value in values:
        if value > best * (1e-4 + 1.0):
            best, bad = value, 0
        else:
            bad += 1
        if bad > config.plateau_patience:
            lower = max(rate * config.plateau_factor, config.minimum_learning_rate)
            if rate - lower > 1e-8:
                rate = lower
            bad = 0
        found.append(rate)
    return found


@given(
    st.lists(st.integers(0, 6).map(lambda n: 0.3 + n / 20), min_size=1, max_size=30),
    st.integers(0, 3),
    st.sampled_from([0.1, 0.5]),
)
def test_rates_are_those_of_torch(values: list[float], patience: int, factor: float) -> None:
    config = TrainingConfig(
        plateau_patience=patience, plateau_factor=factor, early_stopping_patience=1000
    )
    assert rates(run(values, config)) == pytest.approx(torch_rates(values, config))


def test_a_rate_that_lands_a_rounding_error_above_the_floor_is_at_the_floor() -> None:
    """1.0 × 0.1 five times is 1.0000000000000003e-05, above 1e-5 in the last bit."""
    rate = 1.0
    for _ in range(5):
        rate *= 0.1
    assert rate > 1e-5
    config = TrainingConfig(minimum_learning_rate=1e-5, early_stopping_patience=0)
    state = PlateauSchedule(config).update(PlateauState(rate, best=0.5), 0.4)
    assert state.stop
