"""Splits as the ranking model encodes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

import sesrec_tf
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, QUERIES, REC_ITEMS
from sesrec_tf.training.run_directory import RunDirectory


@pytest.fixture(scope="module")
def model(tiny_run: RunDirectory) -> RankingModel:
    return sesrec_tf.load(tiny_run.path)


def mean(states: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """Mean of the states of the events that are not padding; zeros if there are none."""
    return states[ids != 0].mean(axis=0) if (ids != 0).any() else np.zeros(states.shape[1])


def test_histories_are_pooled_over_their_events(
    model: RankingModel, tiny_data: PreparedDataset
) -> None:
    examples = RetrievalExamples.encode(model, tiny_data, tiny_data.history, "test")
    features = read_split(tiny_data, "test", tiny_data.history)
    state = {name: value.numpy() for name, value in model.encode(features).items()}
    assert len(examples) == tiny_data.instances("test")
    for row in range(len(examples)):
        expected = [
            mean(state["rec_states"][row], features[REC_ITEMS][row]),
            mean(state["search_states"][row], features[QUERIES][row]),
            state["user"][row],
        ]
        np.testing.assert_allclose(examples.users[row], np.concatenate(expected), atol=1e-5)
    np.testing.assert_array_equal(examples.positives, features[CANDIDATES][:, 0])
    clicks = features[CLICKED_ITEMS].reshape(len(examples), -1)
    np.testing.assert_array_equal(examples.seen, np.hstack([features[REC_ITEMS], clicks]))
    assert not (features[QUERIES] != 0).any(axis=1).all(), "a user without searches is among them"


def test_training_instances_have_no_negatives(
    model: RankingModel, tiny_data: PreparedDataset
) -> None:
    examples = RetrievalExamples.encode(model, tiny_data, tiny_data.history, "train")
    assert len(examples) == tiny_data.instances("train")
    assert examples.users.dtype == np.float32
    rows = tiny_data.table("interactions")
    counts = rows[rows["split"] == "train"]["item"].value_counts()
    found, numbers = np.unique(examples.positives, return_counts=True)
    assert dict(zip(found, numbers, strict=True)) == counts.to_dict()


def test_every_batch_is_told(model: RankingModel, tiny_data: PreparedDataset) -> None:
    told = []

    def track(batches: Iterable[Any], what: str, total: int) -> Iterable[Any]:
        for batch in batches:
            told.append((what, total))
            yield batch

    RetrievalExamples.encode(model, tiny_data, tiny_data.history, "valid", track)
    assert told == [("encoding valid", 1)]
