"""Popularity counts, and its silence about unknown items."""

import numpy as np

from sesrec_tf.evaluation.popularity import PopularityRanker


def test_scores_are_training_counts():
    ranker = PopularityRanker([0, 9, 5, 1])
    scores = ranker.score(np.zeros((1, 2)), np.zeros((1, 2, 1)), np.array([[3, 2]]))
    assert scores.tolist() == [[1.0, 5.0]]


def test_the_unknown_item_scores_nothing():
    counts = np.array([0, 9, 5, 1])
    scores = PopularityRanker(counts).score(None, None, np.array([[0, 1]]))
    assert scores.tolist() == [[0.0, 0.0]]
    assert counts.tolist() == [0, 9, 5, 1]
