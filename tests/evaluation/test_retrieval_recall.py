"""Recall of the whole catalogue against NumPy."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation import retrieval_recall
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.retrieval_recall import CUTOFFS, popularity_recall, recall
from sesrec_tf.retrieval import RetrievalIndex

pytest.importorskip("tensorflow_recommenders")

ITEMS, USERS, SEEN = 700, 300, 8


def draw() -> tuple[np.ndarray, np.ndarray, RetrievalExamples]:
    """Positives of every kind, some of them seen or unknown, in a catalogue of 700."""
    rng = np.random.default_rng(3)
    vectors = rng.normal(size=(ITEMS, 4)).astype(np.float32)
    queries = rng.normal(size=(USERS, 4)).astype(np.float32)
    positives = rng.integers(2, ITEMS + 2, USERS).astype(np.int32)
    positives[:9] = 1
    seen = rng.integers(0, ITEMS + 2, (USERS, SEEN)).astype(np.int32)
    seen[5:30, 3] = positives[5:30]
    return vectors, queries, RetrievalExamples(queries, positives, seen)


def expected_recall(
    products: np.ndarray, examples: RetrievalExamples, exclude: bool
) -> dict[str, float]:
    ranks = []
    for row, (positive, seen) in enumerate(zip(examples.positives, examples.seen, strict=True)):
        left_out = {*seen} if exclude else set()
        if positive == 1 or positive in left_out:
            ranks.append(np.inf)
            continue
        better = np.flatnonzero(products[row] > products[row, positive - 2]) + 2
        ranks.append(len({*better} - left_out))
    return {f"recall@{k}": float(np.mean(np.array(ranks) < k)) for k in CUTOFFS}


@pytest.mark.parametrize("exclude", [True, False])
@pytest.mark.parametrize("at_once", [1 << 23, 7 * ITEMS])
def test_equals_numpy(exclude: bool, at_once: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """In one batch, or a few users at a time."""
    monkeypatch.setattr(retrieval_recall, "_SCORES_AT_ONCE", at_once)
    vectors, queries, examples = draw()
    index = RetrievalIndex(vectors, np.arange(ITEMS, dtype=np.int32) + 2, 10)
    found = recall(index, queries, examples, exclude)
    assert found == pytest.approx(expected_recall(queries @ vectors.T, examples, exclude))
    assert 0 < found["recall@50"] < found["recall@100"] < found["recall@500"] < 1


def test_popularity_retrieves_what_is_frequent() -> None:
    """Items 2 to 701, the later the more frequent: 652 is the last of the 50 best."""
    counts = np.arange(ITEMS + 2) * 10
    # The pooled counts of padding and unknown items do not matter.
    counts[:2] = 10**6
    positives = np.array([701, 652, 651, 202, 201], np.int32)
    examples = RetrievalExamples(np.zeros((5, 3)), positives, np.zeros((5, 1), np.int32))
    prepared: PreparedDataset = SimpleNamespace(item_counts=counts)  # type: ignore[assignment]
    found = popularity_recall(prepared, examples)
    assert found == pytest.approx({"recall@50": 0.4, "recall@100": 0.6, "recall@500": 0.8})
    # A more frequent one that was seen makes room for the next.
    examples.seen[2] = 700
    assert popularity_recall(prepared, examples)["recall@50"] == pytest.approx(0.6)
    assert popularity_recall(prepared, examples, exclude_seen=False)["recall@50"] == pytest.approx(
        0.4
    )
