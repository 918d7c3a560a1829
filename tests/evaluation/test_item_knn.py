"""Item-kNN against cosines by hand and against a dense computation."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.evaluation import item_knn
from sesrec_tf.evaluation.item_knn import ItemKnnRanker

# Users 2, 3, 4; items 2 = {2, 3}, 3 = {3}, 4 = {2, 3, 4}, 5 = {4}, 6 = {}.
USERS = [2, 3, 3, 2, 3, 4, 4]
ITEMS = [2, 2, 3, 4, 4, 4, 5]
NO_CLICKS = np.zeros((1, 1, 1), int)


def test_golden_cosines():
    ranker = ItemKnnRanker(USERS, ITEMS, num_items=7)
    scores = ranker.score([[2, 0]], NO_CLICKS, [[3, 4]])
    # cos(2, 3) = 1 / sqrt(2 * 1), cos(2, 4) = 2 / sqrt(2 * 3).
    assert scores[0] == pytest.approx([1 / math.sqrt(2), 2 / math.sqrt(6)], rel=1e-12)


def test_similarities_add_up_over_the_history():
    ranker = ItemKnnRanker(USERS, ITEMS, num_items=7)
    scores = ranker.score([[2, 3, 5]], NO_CLICKS, [[4]])
    # cos(3, 4) = cos(5, 4) = 1 / sqrt(1 * 3).
    assert scores[0, 0] == pytest.approx(2 / math.sqrt(6) + 2 / math.sqrt(3), rel=1e-12)


def test_an_item_is_not_similar_to_itself():
    ranker = ItemKnnRanker(USERS, ITEMS, num_items=7)
    assert ranker.score([[2, 3]], NO_CLICKS, [[2]])[0, 0] == pytest.approx(1 / math.sqrt(2))


def test_dissimilar_candidates_follow_by_popularity():
    # Item 5 shares no user with item 3; 6 and the unknown item have no users: -1 / (1 + users).
    scores = ItemKnnRanker(USERS, ITEMS, num_items=7).score([[3]], NO_CLICKS, [[5, 6, 1, 4]])
    assert scores[0, :3].tolist() == [-1 / 2, -1.0, -1.0]
    assert scores[0, 3] > 0


def test_unknown_users_and_items_are_nobody():
    with_unknown = ItemKnnRanker([*USERS, 1, 1, 2], [*ITEMS, 2, 5, 1], num_items=7)
    history, candidates = [[2, 1, 0]], [[3, 4, 5, 1]]
    expected = ItemKnnRanker(USERS, ITEMS, num_items=7).score(history, NO_CLICKS, candidates)
    assert (with_unknown.score(history, NO_CLICKS, candidates) == expected).all()


def test_clicks_count_only_when_asked():
    clicks = np.array([[[2, 0], [0, 0]]])
    with_clicks = ItemKnnRanker(USERS, ITEMS, 7, search_clicks=True)
    without = ItemKnnRanker(USERS, ITEMS, 7)
    assert with_clicks.score([[0]], clicks, [[4]])[0, 0] == pytest.approx(2 / math.sqrt(6))
    assert without.score([[0]], clicks, [[4]])[0, 0] == -1 / 4


def test_an_empty_history_ranks_by_popularity():
    scores = ItemKnnRanker(USERS, ITEMS, 7).score([[0, 0]], NO_CLICKS, [[4, 2, 3]])
    assert scores[0].argsort().tolist() == [2, 1, 0]


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_agrees_with_a_dense_matrix(seed, chunk):
    random = np.random.default_rng(seed)
    users, items = random.integers(2, 8, 30), random.integers(2, 10, 30)
    history, candidates = random.integers(0, 10, (5, 4)), random.integers(1, 10, (5, 6))
    matrix = np.zeros((8, 10))
    matrix[users, items] = 1
    norms = np.sqrt(matrix.sum(axis=0))
    outer = np.outer(norms, norms)
    cosine = np.divide(matrix.T @ matrix, outer, out=np.zeros((10, 10)), where=outer > 0)
    np.fill_diagonal(cosine, 0)
    sums = cosine[candidates[:, :, None], history[:, None, :]].sum(axis=2)
    expected = np.where(sums > 0, sums, -1 / (1 + matrix.sum(axis=0)[candidates]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(item_knn, "CHUNK_VALUES", chunk)
        scores = ItemKnnRanker(users, items, 10).score(history, np.zeros((5, 1, 1)), candidates)
    np.testing.assert_allclose(scores, expected, rtol=1e-9, atol=1e-12)
