from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.evaluation import (
    REFERENCE_RANKERS,
    Evaluation,
    evaluate_references,
)
from sesrec_tf.evaluation.popularity import PopularityRanker
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    EARLIER_INTERACTIONS,
    EARLIER_SEARCHES,
    INSTANCE,
    REC_ITEMS,
    USER,
)

FEATURES = {
    INSTANCE: np.array([10, 20]),
    USER: np.array([2, 3]),
    EARLIER_INTERACTIONS: np.array([4, 5]),
    EARLIER_SEARCHES: np.array([0, 1]),
    CANDIDATES: np.array([[7, 8, 9, 10], [9, 8, 7, 6]]),
}
LOGITS = np.array([[3.0, 2.0, 1.0, 0.0], [1.0, 2.0, 0.0, 1.0]])
"""Ranks: 1, and 2 or 3 with one negative above and one equal."""


def test_metrics_by_hand() -> None:
    evaluation = Evaluation.of(LOGITS, FEATURES)
    table = evaluation.per_instance
    assert table["instance"].tolist() == [10, 20]
    assert table["user"].tolist() == [2, 3]
    assert table["positive"].tolist() == [7, 9]
    assert table["earlier_interactions"].tolist() == [4, 5]
    assert table["earlier_searches"].tolist() == [0, 1]
    assert table["rank"].tolist() == [1.0, 2.5]
    # Mean of 1 and of (1/2 + 1/3) / 2.
    assert evaluation.metrics["mrr"] == pytest.approx((1 + (1 / 2 + 1 / 3) / 2) / 2)
    assert evaluation.metrics["hit@1"] == 1 / 2
    ndcg = (1 / np.log2(3) + 1 / np.log2(4)) / 2
    assert evaluation.metrics["ndcg@5"] == pytest.approx((1 + ndcg) / 2)


def test_unknown_positives_are_counted() -> None:
    candidates = np.array([[1, 8, 9, 10], [9, 1, 7, 6]])
    assert Evaluation.of(LOGITS, FEATURES).unknown_positives == 0
    assert Evaluation.of(LOGITS, {**FEATURES, CANDIDATES: candidates}).unknown_positives == 1


def test_means_derive_from_the_instances() -> None:
    evaluation = Evaluation.of(LOGITS, FEATURES)
    for name in METRICS:
        assert evaluation.metrics[name] == evaluation.per_instance[name].mean()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_logits_that_are_not_finite_are_refused(value: float) -> None:
    logits = LOGITS.copy()
    logits[1, 2] = value
    with pytest.raises(InputError, match=r"should be finite.*instance 1, candidate 2"):
        Evaluation.of(logits, FEATURES)


def test_written_by_rename(tmp_path: Path) -> None:
    evaluation = Evaluation.of(LOGITS, FEATURES)
    file = tmp_path / "deep" / "instances.parquet"
    for _ in range(2):
        evaluation.write(file)
    pd.testing.assert_frame_equal(pd.read_parquet(file), evaluation.per_instance)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("split", ["valid", "test"])
def test_references_rank_the_same_candidates(tiny_data: PreparedDataset, split: str) -> None:
    found = evaluate_references(tiny_data, split, tiny_data.history)
    assert found.keys() == REFERENCE_RANKERS.keys()
    features = read_split(tiny_data, split, tiny_data.history)
    for evaluation in found.values():
        np.testing.assert_array_equal(
            evaluation.per_instance["positive"], features[CANDIDATES][:, 0]
        )
    scores = PopularityRanker.from_dataset(tiny_data).score(
        features[REC_ITEMS], features[CLICKED_ITEMS], features[CANDIDATES]
    )
    expected = Evaluation.of(scores, features)
    assert found["popularity"].metrics == expected.metrics
