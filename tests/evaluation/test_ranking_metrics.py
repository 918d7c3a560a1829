"""Metrics against fractions derived by hand and against all tie-break orders."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.bounds import check_bounds
from sesrec_tf.evaluation.ranking_metrics import METRICS, RankingMetrics

small_logits = st.integers(2, 6).flatmap(
    lambda width: st.lists(
        st.lists(st.integers(-2, 2), min_size=width, max_size=width), min_size=1, max_size=4
    )
)


def metrics_of_rank(rank: int) -> dict[str, float]:
    """The definitions themselves, one rank at a time."""
    values = {f"hit@{k}": float(rank <= k) for k in (1, 5, 10)}
    values |= {f"ndcg@{k}": (rank <= k) / math.log2(rank + 1) for k in (5, 10)}
    return values | {"mrr": 1 / rank}


def row_with_rank(rank: int, width: int = 100) -> np.ndarray:
    """One instance whose positive has exactly `rank` − 1 negatives above it."""
    return np.concatenate([[0.0], np.where(np.arange(width - 1) < rank - 1, 1.0, -1.0)])


def test_keys_and_columns():
    per_instance = RankingMetrics().calc_per_instance(np.zeros((2, 3)))
    assert METRICS == ("ndcg@5", "ndcg@10", "hit@1", "hit@5", "hit@10", "mrr")
    assert list(per_instance.columns) == ["above", "ties", "rank", *METRICS]
    assert per_instance["ties"].tolist() == [2, 2]
    assert tuple(RankingMetrics().calc(np.zeros((2, 3)))) == METRICS


@pytest.mark.parametrize("rank", [1, 2, 3, 5, 6, 10, 11, 100])
def test_a_rank_without_ties(rank):
    measured = RankingMetrics().calc(row_with_rank(rank)[None])
    assert measured == {name: metrics_of_rank(rank)[name] for name in METRICS}


def test_golden_means():
    # Ranks 1, 3 and 6: NDCG@5 = (1 + 1/log2 4 + 0)/3, NDCG@10 adds 1/log2 7,
    # MRR = (1 + 1/3 + 1/6)/3 = 1/2.
    measured = RankingMetrics().calc(np.stack([row_with_rank(rank) for rank in (1, 3, 6)]))
    assert measured["ndcg@5"] == pytest.approx(1.5 / 3, rel=1e-12)
    assert measured["ndcg@10"] == pytest.approx((1.5 + 1 / math.log2(7)) / 3, rel=1e-12)
    assert measured["hit@1"] == pytest.approx(1 / 3, rel=1e-12)
    assert measured["hit@5"] == pytest.approx(2 / 3, rel=1e-12)
    assert measured["hit@10"] == 1.0
    assert measured["mrr"] == pytest.approx(1 / 2, rel=1e-12)


def test_golden_ties():
    # One above, two equal: the rank is 2, 3 or 4, each with probability 1/3.
    # HIT@1 = 0, HIT@5 = 1, MRR = (1/2 + 1/3 + 1/4)/3 = 13/36,
    # NDCG@5 = (1/log2 3 + 1/log2 4 + 1/log2 5)/3.
    row = RankingMetrics().calc_per_instance([[0.0, 1.0, 0.0, 0.0, -1.0]]).iloc[0]
    assert (row["above"], row["ties"], row["rank"]) == (1, 2, 3)
    assert (row["hit@1"], row["hit@5"]) == (0, 1)
    assert row["mrr"] == pytest.approx(13 / 36, rel=1e-12)
    assert row["ndcg@5"] == pytest.approx(
        (1 / math.log2(3) + 1 / 2 + 1 / math.log2(5)) / 3, rel=1e-12
    )


def test_a_constant_scorer_is_a_random_scorer():
    measured = RankingMetrics().calc(np.full((3, 100), 7.0))
    assert measured["hit@1"] == pytest.approx(1 / 100, rel=1e-12)
    assert measured["hit@5"] == pytest.approx(5 / 100, rel=1e-12)
    assert measured["hit@10"] == pytest.approx(10 / 100, rel=1e-12)
    assert measured["ndcg@5"] == pytest.approx(0.02948, abs=5e-6)
    assert measured["ndcg@10"] == pytest.approx(0.04544, abs=5e-6)
    harmonic = sum(1 / rank for rank in range(1, 101))
    assert measured["mrr"] == pytest.approx(harmonic / 100, rel=1e-12)
    assert measured["mrr"] == pytest.approx(0.05187, abs=5e-6)


def test_pessimistic_puts_the_positive_last_among_equals():
    measured = RankingMetrics(pessimistic=True).calc(np.full((2, 100), 7.0))
    assert measured == {name: metrics_of_rank(100)[name] for name in METRICS}
    row = RankingMetrics(pessimistic=True).calc_per_instance([[0.0, 1.0, 0.0, -1.0]]).iloc[0]
    assert (row["rank"], row["mrr"]) == (3, 1 / 3)


def test_float32_differences_are_kept():
    # 1 + 2^-23 is the float32 after 1.
    logits = np.array([[1.0, 1.0 + 2.0**-23]], np.float32)
    assert RankingMetrics().calc(logits)["hit@1"] == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_non_finite_logits_are_refused(bad):
    logits = np.zeros((3, 4), np.float32)
    logits[1, 2] = bad
    with pytest.raises(InputError, match=r"1 of 12 values .* instance 1, candidate 2"):
        RankingMetrics().calc(logits)


@pytest.mark.parametrize("bad", [np.zeros(4), np.zeros((2, 0)), np.array([["a", "b"]])])
def test_other_shapes_and_types_are_refused(bad):
    with pytest.raises(InputError, match="should be numbers of shape"):
        RankingMetrics().calc_per_instance(bad)


def test_no_instance_has_no_mean():
    assert len(RankingMetrics().calc_per_instance(np.zeros((0, 4)))) == 0
    with pytest.raises(InputError, match="at least 1"):
        RankingMetrics().calc(np.zeros((0, 4)))


@settings(deadline=None, max_examples=50)
@given(small_logits)
def test_expectation_equals_the_mean_over_all_tie_break_orders(rows):
    measured = RankingMetrics().calc_per_instance(np.array(rows))
    for row, scores in zip(measured.to_dict("records"), rows, strict=True):
        orders = [
            sorted(range(len(scores)), key=lambda c, order=order: (-scores[c], order[c])).index(0)
            for order in itertools.permutations(range(len(scores)))
        ]
        for name in METRICS:
            expected = np.mean([metrics_of_rank(place + 1)[name] for place in orders])
            assert row[name] == pytest.approx(expected, rel=1e-12, abs=1e-15)


@settings(deadline=None, max_examples=50)
@given(small_logits, st.floats(0.1, 10), st.floats(-5, 5))
def test_a_monotone_transformation_changes_nothing(rows, slope, shift):
    scores = np.array(rows, np.float64)
    expected = RankingMetrics().calc_per_instance(scores)
    assert RankingMetrics().calc_per_instance(slope * scores + shift).equals(expected)
    assert RankingMetrics().calc_per_instance(np.exp(scores)).equals(expected)


@settings(deadline=None, max_examples=50)
@given(small_logits, st.randoms(use_true_random=False))
def test_the_order_of_negatives_changes_nothing(rows, random):
    scores = np.array(rows)
    order = list(range(1, scores.shape[1]))
    random.shuffle(order)
    shuffled = scores[:, [0, *order]]
    expected = RankingMetrics().calc_per_instance(scores)
    assert RankingMetrics().calc_per_instance(shuffled).equals(expected)


@settings(deadline=None, max_examples=50)
@given(small_logits)
def test_every_measurement_obeys_the_bounds(rows):
    scores = np.array(rows)
    for pessimistic in (False, True):
        check_bounds(RankingMetrics(pessimistic).calc(scores), scores.shape[1])
