from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.negative_sampling import NegativeSampler, negatives_checked
from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN

COUNTS = np.array([0, 7, 40, 20, 10, 5, 5, 0, 1, 2, 8, 9])
"""Items 2 to 11; item 7 was never interacted with, unknown items 7 times."""


def draw(
    sampler: NegativeSampler, positives: list[int], histories: list[list[int]], seed: int
) -> np.ndarray:
    return sampler(
        tf.constant(positives, tf.int32),
        tf.constant(histories, tf.int32),
        tf.constant([3, 256 * seed], tf.int64),
    ).numpy()


@settings(max_examples=25, deadline=None)
@given(
    positive=st.integers(UNKNOWN, 11),
    history=st.lists(st.integers(0, 11), min_size=3, max_size=3),
    distribution=st.sampled_from(["popularity", "uniform"]),
    seed=st.integers(0, 2**31),
)
def test_draws_only_what_it_may(
    positive: int, history: list[int], distribution: str, seed: int
) -> None:
    sampler = NegativeSampler(COUNTS, 4, distribution)
    for row in draw(sampler, [positive] * 8, [history] * 8, seed):
        assert len(set(row)) == 4
        assert FIRST_KNOWN <= min(row) <= max(row) < len(COUNTS)
        assert not {positive, *history} & set(row)
        if distribution == "popularity":
            assert 7 not in row


def test_takes_the_only_items_there_are() -> None:
    """5 of the 9 popular items are forbidden: the other 4 are the negatives, in some order."""
    rows = draw(NegativeSampler(COUNTS, 4), [2] * 50, [[3, 10, 11, 4, 0]] * 50, 1)
    assert {tuple(sorted(row)) for row in rows} == {(5, 6, 8, 9)}


def test_a_function_of_the_seed_alone() -> None:
    sampler, again = NegativeSampler(COUNTS, 4), NegativeSampler(COUNTS, 4)
    positives, histories = [2, 3, 4] * 20, [[5, 0]] * 60
    first = draw(sampler, positives, histories, 1)
    tf.random.set_seed(99)
    np.testing.assert_array_equal(first, draw(again, positives, histories, 1))
    assert (first != draw(sampler, positives, histories, 2)).any(axis=1).mean() > 0.5
    compiled = tf.function(sampler)(
        tf.constant(positives), tf.constant(histories), tf.constant([3, 256], tf.int64)
    )
    np.testing.assert_array_equal(first, compiled)


def first_draws(distribution: str) -> np.ndarray:
    """Frequencies of the first negative of 20,000 instances, by item."""
    rows = draw(NegativeSampler(COUNTS, 2, distribution), [2] * 20_000, [[0]] * 20_000, 5)
    return np.bincount(rows[:, 0], minlength=len(COUNTS)) / 20_000


@pytest.mark.parametrize("distribution", ["popularity", "uniform"])
def test_distribution(distribution: str) -> None:
    """Weights without the positive; a frequency's standard error is at most 0.0036."""
    weights = COUNTS * 1.0 if distribution == "popularity" else np.ones(len(COUNTS))
    weights[:FIRST_KNOWN] = 0
    weights[2] = 0
    found = first_draws(distribution)
    np.testing.assert_allclose(found, weights / weights.sum(), atol=0.015)


def test_positions_of_equal_instances_differ() -> None:
    rows = draw(NegativeSampler(COUNTS, 4), [2] * 100, [[0]] * 100, 1)
    assert len({tuple(row) for row in rows}) > 50


@pytest.mark.parametrize(("distribution", "items"), [("popularity", 9), ("uniform", 10)])
def test_too_few_items_are_refused(distribution: str, items: int) -> None:
    NegativeSampler(COUNTS, items - 1, distribution)
    with pytest.raises(InputError, match=rf"{items} items can be drawn.*--num-negatives"):
        NegativeSampler(COUNTS, items, distribution)


def test_an_impossible_instance_is_an_input_error() -> None:
    """The second instance leaves 3 of the 9 popular items."""
    sampler = NegativeSampler(COUNTS, 4)
    histories = [[0] * 5, [3, 4, 5, 6, 8]]
    with (
        pytest.raises(InputError, match=r"too few negatives.*--num-negatives"),
        negatives_checked(),
    ):
        draw(sampler, [2, 2], histories, 1)
    dataset = tf.data.Dataset.from_tensors(histories).map(
        lambda rows: sampler(tf.constant([2, 2]), rows, tf.constant([1, 1], tf.int64))
    )
    with pytest.raises(InputError, match="too few negatives"), negatives_checked():
        list(dataset)


def test_other_invalid_arguments_are_left_alone() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError), negatives_checked():
        tf.reshape(tf.zeros([3]), [2, 2])
