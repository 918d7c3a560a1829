"""The bounds accept what ranks can give and name what they cannot."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.evaluation.bounds import MetricBoundsError, check_bounds
from sesrec_tf.evaluation.ranking_metrics import METRICS, RankingMetrics

PUBLISHED = {
    "SESRec on Kuaishou": (0.3541, 0.4054, 0.2173, 0.4848, 0.6436, 0.3490),
    "SESRec on Amazon": (0.4224, 0.4663, 0.2580, 0.5723, 0.7074, 0.4046),
}
ROUNDING = 2e-4


@pytest.mark.parametrize("row", PUBLISHED)
def test_published_rows_pass_within_rounding(row):
    check_bounds(dict(zip(METRICS, PUBLISHED[row], strict=True)), tolerance=ROUNDING)


def test_a_published_misprint_is_found():
    # Base of the published ablation: N10 - N5 = .0376 < (.6094 - .4618) / log2 11 = .0427.
    base = dict(zip(METRICS, (0.3394, 0.3770, 0.2027, 0.4618, 0.6094, 0.3294), strict=True))
    with pytest.raises(MetricBoundsError, match=r"\(H10 - H5\) / log2\(11\) <= N10 - N5") as raised:
        check_bounds(base, tolerance=ROUNDING)
    assert "0.042666 <= 0.037600 is false" in str(raised.value)
    assert str(raised.value).count("is false") == 1


@pytest.mark.parametrize(
    ("name", "value", "inequality"),
    [
        ("hit@1", 0.9, "HIT@1 <= HIT@5"),
        ("hit@10", 1.2, "HIT@10 <= 1"),
        ("ndcg@5", 0.99, r"N5 - H1 <= \(H5 - H1\) / log2\(3\)"),
        ("ndcg@10", 0.99, r"N10 - N5 <= \(H10 - H5\) / log2\(7\)"),
        ("mrr", 0.01, r"\(1 - H10\)/K <= MRR"),
        ("mrr", 0.99, r"MRR <= H1"),
        ("mrr", float("nan"), "MRR"),
    ],
)
def test_each_inequality_is_checked(name, value, inequality):
    metrics = dict(zip(METRICS, PUBLISHED["SESRec on Kuaishou"], strict=True))
    with pytest.raises(MetricBoundsError, match=inequality):
        check_bounds(metrics | {name: value}, tolerance=ROUNDING)


def test_the_extremes_are_allowed():
    for rank in (1, 2, 5, 6, 10, 11, 100):
        logits = np.where(np.arange(100) < rank, 1.0, -1.0)
        logits[0] = 0.0
        check_bounds(RankingMetrics().calc(logits[None]))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1), st.integers(2, 120))
def test_means_of_random_ranks_pass(seed, candidates):
    logits = np.random.default_rng(seed).integers(0, 50, (7, candidates))
    check_bounds(RankingMetrics().calc(logits), candidates)
