"""Queries."""

from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.layers.query_embedding import QueryEmbedding
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import query_weights
from tests.layers.small_case import ROWS, draw_parameters, query_layer, vocabulary_indices
from tests.reference import sesrec_numpy as reference


def test_as_a_layer() -> None:
    layer = QueryEmbedding(3, 4, 2, 5, initialization=0.5)
    assert layer.width == 7
    run_layer_test(
        layer,
        (None,),
        {
            "ids": np.array([[0, 1], [2, 4]], np.int32),
            "words": np.array([[[0, 0, 0], [1, 2, 0]], [[3, 3, 5], [4, 0, 0]]], np.int32),
        },
        {"ids/table": (5, 2), "words/table": (6, 5)},
    )


def test_words_are_averaged() -> None:
    layer = QueryEmbedding(1, 2, 1, 1)
    layer.build()
    layer.ids.table.assign([[0.0], [5], [6]])
    layer.words.table.assign([[0.0], [1], [2], [4]])
    # No word; unknown word and word 3; word 2 three times; the unknown query keeps its words.
    ids, words = [2, 2, 2, 1], [[0, 0, 0], [1, 3, 0], [2, 2, 2], [3, 0, 0]]
    expected = [[6, 0], [6, 2.5], [6, 2], [5, 4]]
    np.testing.assert_allclose(layer(np.array(ids), np.array(words)), expected)


@pytest.mark.parametrize("closed", [False, True])
def test_agrees_with_the_reference(closed: bool) -> None:
    rng = np.random.default_rng(2)
    embedding = draw_parameters(rng, closed_tables=closed).embedding
    queries = rng.integers(0, ROWS.queries, (3, 4))
    words = rng.integers(0, ROWS.words, (3, 4, 3)) * (rng.random((3, 4, 3)) < 0.6)
    words[0, 0] = 0
    indices = [vocabulary_indices(rows, True, not closed) for rows in (queries, words)]
    assert_agreement(
        lambda dtype: query_layer(closed, dtype),
        lambda layer, _: [layer(*indices)],
        lambda: [reference.query_embedding(embedding, queries, words)],
        {},
        {"query": embedding.query, "word": embedding.word},
        query_weights,
    )
