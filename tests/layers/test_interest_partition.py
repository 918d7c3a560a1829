"""Similar and dissimilar events."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.layers.interest_partition import partition
from tests.reference import sesrec_numpy as reference

WEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.0]
ALL = [0, 1, 2, 3]
RULES = ["mean", "median", 1 / 8, 1 / 16]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("weights", "threshold", "strict", "similar", "dissimilar"),
    [
        (WEIGHTS, "mean", False, [2, 3], [0, 1]),
        (WEIGHTS, "median", False, [2, 3], [0, 1]),  # γ = (0.2 + 0.3) / 2
        (WEIGHTS, 0.125, False, [1, 2, 3], [0]),
        (WEIGHTS, 0.0625, False, ALL, ALL),  # nothing is under 1/16
        (WEIGHTS, 0.5, False, ALL, ALL),  # nothing is over 1/2
        ([0.25] * 4 + [0.0], "mean", False, ALL, ALL),
        ([0.25] * 4 + [0.0], "mean", True, ALL, ALL),
        ([0.25] * 4 + [0.0], "median", True, ALL, ALL),
        ([0.25] * 4 + [0.0], 0.25, False, ALL, ALL),
        ([0.0, 0.5, 0.5, 0.0, 0.0], "median", False, [1, 2], [0, 3]),  # γ = (0 + 1/2) / 2
        # Within the tolerance: 4a = 1 - 4e-7 counts as equal, 1 - 4e-6 does not.
        ([0.25 - 1e-7, 0.25 + 1e-7, 0.2, 0.3, 0.0], "mean", False, [0, 1, 3], [2]),
        ([0.25 - 1e-6, 0.25 + 1e-6, 0.2, 0.3, 0.0], "mean", False, [1, 3], [0, 2]),
        ([0.25 - 1e-7, 0.25 + 1e-7, 0.2, 0.3, 0.0], "mean", True, [3], [0, 1, 2]),
        # 4a = 4γ - 4e-7 at a constant: still equal, though 1.6e-6 below it in relation to γ.
        ([0.0625 - 1e-7, 0.3, 0.3, 0.3375, 0.0], 0.0625, False, ALL, ALL),
    ],
)
def test_four_events(
    dtype: type,
    weights: list[float],
    threshold: str | float,
    strict: bool,
    similar: list[int],
    dissimilar: list[int],
) -> None:
    mask = np.array([[True] * 4 + [False]])
    found = partition(np.array([weights], dtype), mask, threshold, strict)
    assert [np.flatnonzero(chosen[0]).tolist() for chosen in found] == [similar, dissimilar]


@pytest.mark.parametrize(("strict", "similar"), [(False, [1, 2]), (True, [2])])
def test_the_median_of_an_odd_number_is_one_of_them(strict: bool, similar: list[int]) -> None:
    weights, mask = np.array([[0.2, 0.3, 0.5]]), np.ones((1, 3), bool)
    found = [np.asarray(chosen) for chosen in partition(weights, mask, "median", strict)]
    assert np.flatnonzero(found[0][0]).tolist() == similar
    assert (found[0] ^ found[1]).all()


@pytest.mark.parametrize("threshold", RULES)
@pytest.mark.parametrize("strict", [False, True])
def test_one_event_is_in_both_sets_and_none_in_neither(
    threshold: str | float, strict: bool
) -> None:
    mask = np.array([[True, False], [False, False]])
    for chosen in partition(mask.astype(np.float32), mask, threshold, strict):
        np.testing.assert_array_equal(chosen, mask)


@pytest.mark.parametrize("count", range(1, 151, 7))
def test_equal_weights_are_never_split_by_rounding(count: int) -> None:
    mask = np.arange(150)[None] < count
    weights = mask / np.float32(count)
    for strict in (False, True):
        for chosen in partition(weights.astype(np.float32), mask, "mean", strict):
            np.testing.assert_array_equal(chosen, mask)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 20), min_size=6, max_size=6), min_size=1, max_size=3),
    st.lists(st.integers(0, 6), min_size=3, max_size=3),
    st.sampled_from(RULES),
    st.booleans(),
)
def test_sets_cover_the_history_and_equal_the_reference(
    values: list[list[int]], lengths: list[int], threshold: str | float, strict: bool
) -> None:
    mask = np.arange(6) < np.array(lengths[: len(values)])[:, None]
    powers = np.where(mask, np.array(values) + 1.0, 0.0)
    weights = powers / np.maximum(powers.sum(1, keepdims=True), 1)
    found = [np.asarray(chosen) for chosen in partition(weights, mask, threshold, strict)]
    for chosen, expected in zip(
        found, reference.partition(weights, mask, threshold, strict), strict=True
    ):
        np.testing.assert_array_equal(chosen, expected)
        np.testing.assert_array_equal(chosen.any(1), mask.any(1))
    np.testing.assert_array_equal(found[0] | found[1], mask)
    overlap = (found[0] & found[1]).any(1)
    np.testing.assert_array_equal(found[0][overlap], found[1][overlap])
