"""The generator of batches holds every case it promises, whatever the seed."""

from __future__ import annotations

import numpy as np
import pytest

from tests.reference.parameters import TableRows
from tests.reference.random_batches import (
    BOTH_EMPTY,
    FULL,
    LENGTH_ONE,
    REC_EMPTY,
    SEARCH_EMPTY,
    BatchShape,
    pad_histories,
    random_batch,
    random_labels,
    random_negatives,
)

ROWS, SHAPE = TableRows(), BatchShape()


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("closed", [False, True])
def test_every_case_is_there(seed: int, closed: bool) -> None:
    batch = random_batch(np.random.default_rng(seed), ROWS, SHAPE, closed)
    assert {name: (array.shape, array.dtype) for name, array in batch.items()} == {
        "user": ((8,), np.int32),
        "rec_items": ((8, 5), np.int32),
        "queries": ((8, 4), np.int32),
        "query_words": ((8, 4, 3), np.int32),
        "query_sources": ((8, 4), np.int32),
        "clicked_items": ((8, 4, 3), np.int32),
        "candidates": ((8, 3), np.int32),
    }
    cases = [BOTH_EMPTY, REC_EMPTY, SEARCH_EMPTY, LENGTH_ONE, FULL]
    assert (batch["rec_items"] != 0).sum(1)[cases].tolist() == [0, 0, 5, 1, 5]
    assert (batch["queries"] != 0).sum(1)[cases].tolist() == [0, 4, 0, 1, 4]
    assert (batch["clicked_items"][FULL] != 0).sum(1)[:3].tolist() == [0, 3, 1]
    assert (batch["query_words"][FULL] != 0).sum(1)[:2].tolist() == [1, 3]
    assert batch["candidates"].min() > 0
    absent = batch["queries"] == 0
    for name in ("query_words", "query_sources", "clicked_items"):
        assert not batch[name][absent].any()


def test_histories_are_left_aligned() -> None:
    batch = random_batch(np.random.default_rng(0), ROWS, SHAPE)
    for name in ("rec_items", "queries", "query_words", "clicked_items"):
        valid = (batch[name] != 0).astype(int)
        assert (np.diff(valid, axis=-1) <= 0).all()


def test_labels_have_one_positive_a_row() -> None:
    labels = random_labels(np.random.default_rng(0), SHAPE)
    assert labels.shape == (8, 3)
    assert (labels.sum(1) == 1).all()


def test_negatives_and_padding() -> None:
    negatives = random_negatives(np.random.default_rng(0), ROWS, SHAPE.words, 6)
    assert negatives.query_words.shape == (6, 3)
    assert min(negatives.items.min(), negatives.queries.min()) > 0
    padded = pad_histories(random_batch(np.random.default_rng(0), ROWS, SHAPE), 2, 1)
    assert padded["rec_items"].shape == (8, 7)
    assert padded["query_words"].shape == (8, 5, 3)
    assert not padded["clicked_items"][:, 4:].any()


def test_shapes_too_small_for_the_cases_are_refused() -> None:
    with pytest.raises(ValueError, match="B >= 5"):
        BatchShape(batch=4)
