"""AUC of co-attention weights against pairs counted by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.interest_truth import interest_auc


def test_golden_pairs_with_a_tie():
    # Scaled by n = 4: 1.6, 1.2, 0.8, 0.4; then by n = 2: 1.2, 0.8. Similar: 1.6, 0.8, 1.2.
    # Dissimilar: 1.2, 0.4, 0.8. Of 9 pairs: 1.6 wins 3; 0.8 loses, wins, ties: 1.5;
    # 1.2 ties, wins, wins: 2.5. AUC = 7/9.
    weights = [[0.4, 0.3, 0.2, 0.1], [0.6, 0.4, 0.0, 0.0]]
    mask = [[True, True, True, True], [True, True, False, False]]
    similar = [[True, False, True, False], [True, False, False, False]]
    assert interest_auc(weights, mask, similar) == pytest.approx(7 / 9, rel=1e-12)


def test_uniform_weights_are_chance():
    mask = np.array([[True, True, False], [True, True, True]])
    weights = mask / mask.sum(axis=1, keepdims=True)
    similar = [[True, False, False], [False, True, False]]
    assert interest_auc(weights, mask, similar) == pytest.approx(0.5)


def test_padding_does_not_count():
    weights, mask = np.array([[0.7, 0.3, 9.0]]), np.array([[True, True, False]])
    assert interest_auc(weights, mask, [[True, False, False]]) == 1.0


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1))
def test_equals_the_share_of_pairs_in_order(seed):
    random = np.random.default_rng(seed)
    mask = np.ones((4, 5), bool)
    weights, similar = random.integers(0, 4, (4, 5)), random.random((4, 5)) < 0.5
    similar[0, :2] = True, False
    high, low = weights[similar][:, None], weights[~similar][None, :]
    expected = ((high > low) + 0.5 * (high == low)).mean()
    assert interest_auc(weights, mask, similar) == pytest.approx(expected, rel=1e-12)


def test_bad_input_is_named():
    ones = np.ones((1, 2))
    with pytest.raises(InputError, match="2 similar and 0 dissimilar"):
        interest_auc(ones, ones, ones)
    with pytest.raises(InputError, match="one shape"):
        interest_auc(ones, ones, np.ones((1, 3)))
    with pytest.raises(InputError, match="finite"):
        interest_auc([[np.nan, 1.0]], ones, [[True, False]])
