"""Shared negatives of the alignment."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from sesrec_tf.layers.alignment_negatives import AlignmentNegatives
from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN
from tests.layers.layer_test import run_layer_test

QUERIES = np.array([2, 5, 4], np.int32)
WORDS = np.array([[2, 0], [3, 4], [5, 0]], np.int32)
COUNTS = np.array([6, 0, 2])


def built(number: int = 4000, items: int = 8) -> AlignmentNegatives:
    layer = AlignmentNegatives(number, items, 3, 2)
    layer.build()
    layer.set_table(QUERIES, WORDS, COUNTS)
    return layer


def seed(first: int, step: int) -> tf.Tensor:
    return tf.constant([first, step], tf.int32)


def test_as_a_layer() -> None:
    weights = {"queries": (3,), "words": (3, 2), "cumulative": (3,)}
    inputs = {"seed": np.array([1, 2], np.int32)}
    run_layer_test(AlignmentNegatives(5, 8, 3, 2), (None,), inputs, weights, shared=("seed",))


def test_items_are_uniform_over_the_known_ones() -> None:
    items, _, _ = built()(seed(1, 2))
    counts = np.bincount(items, minlength=FIRST_KNOWN + 8)
    assert len(counts) == FIRST_KNOWN + 8
    assert not counts[:FIRST_KNOWN].any()
    # 500 expected of each, standard deviation 21.
    assert counts[FIRST_KNOWN:].min() > 400
    assert counts[FIRST_KNOWN:].max() < 600


def test_queries_are_drawn_by_count_with_their_own_words() -> None:
    _, queries, words = (np.asarray(value) for value in built()(seed(1, 2)))
    # 6 sessions of 8 hold query 2, none query 5: 3,000 of 4,000, standard deviation 27.
    assert set(queries) == {2, 4}
    assert 2850 < (queries == 2).sum() < 3150
    for query, expected in zip(QUERIES, WORDS, strict=True):
        np.testing.assert_array_equal(words[queries == query] - expected, 0)


def test_draws_follow_from_seed_and_step_alone() -> None:
    first, again, later, other = (
        np.concatenate([np.ravel(value) for value in built(20)(pair)])
        for pair in (seed(1, 2), seed(1, 2), seed(1, 3), seed(2, 2))
    )
    np.testing.assert_array_equal(first, again)
    assert (first != later).any()
    assert (first != other).any()


def test_items_and_queries_are_drawn_apart() -> None:
    # With eight equally likely values each, equal streams would give equal draws.
    layer = AlignmentNegatives(50, 8, 8, 1)
    layer.build()
    layer.set_table(
        np.arange(FIRST_KNOWN, 10, dtype=np.int32), np.zeros((8, 1), np.int32), np.ones(8, int)
    )
    items, queries, _ = layer(seed(1, 2))
    assert (np.asarray(items) != np.asarray(queries)).mean() > 0.5


def test_no_search_in_training_gives_unknown_queries_without_words() -> None:
    layer = AlignmentNegatives(3, 8, 0, 2)
    layer.build()
    layer.set_table(np.zeros(0, np.int32), np.zeros((0, 2), np.int32), np.zeros(0, np.int64))
    _, queries, words = layer(seed(1, 2))
    np.testing.assert_array_equal(queries, [UNKNOWN] * 3)
    np.testing.assert_array_equal(words, np.zeros((3, 2)))


def test_without_a_table_row_zero_is_drawn() -> None:
    layer = AlignmentNegatives(3, 8, 4, 2)
    layer.build()
    items, queries, _ = layer(seed(1, 2))
    np.testing.assert_array_equal(queries, [0] * 3)
    assert (np.asarray(items) >= FIRST_KNOWN).all()
