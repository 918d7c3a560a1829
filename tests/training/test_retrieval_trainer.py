"""Training of a retrieval head."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

import sesrec_tf
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.retrieval_recall import recall
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import build_index
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_trainer import (
    SELECTED_BY,
    Logs,
    RetrievalTrainer,
    query_vectors,
    sampling_probabilities,
)
from sesrec_tf.training.run_directory import RunDirectory

pytest.importorskip("tensorflow_recommenders")

CONFIG = RetrievalConfig(width=8, hidden_units=16, batch_size=16, epochs=3, patience=3)


@pytest.fixture(scope="module")
def model(tiny_run: RunDirectory) -> RankingModel:
    return sesrec_tf.load(tiny_run.path)


@pytest.fixture(scope="module")
def examples(model: RankingModel, tiny_data: PreparedDataset) -> dict[str, RetrievalExamples]:
    return {
        split: RetrievalExamples.encode(model, tiny_data, tiny_data.history, split)
        for split in ("train", "valid")
    }


def trainer(
    model: RankingModel, examples: dict[str, RetrievalExamples], config: RetrievalConfig = CONFIG
) -> RetrievalTrainer:
    return RetrievalTrainer(model, examples["train"], examples["valid"], config)


def weights_of(trained: RetrievalTrainer) -> list[np.ndarray]:
    return [np.array(weight) for weight in trained.head.weights]


def test_learns_and_leaves_the_ranking_model_alone(
    model: RankingModel, examples: dict[str, RetrievalExamples]
) -> None:
    before = [np.array(weight).tobytes() for weight in model.weights]
    trained = trainer(model, examples)
    start = weights_of(trained)
    history = trained.fit()
    assert [np.array(weight).tobytes() for weight in model.weights] == before
    assert all((a != b).any() for a, b in zip(start, weights_of(trained), strict=True))
    assert len(history) == 3
    assert history[-1]["loss"] < history[0]["loss"]


def test_one_seed_one_head(model: RankingModel, examples: dict[str, RetrievalExamples]) -> None:
    first, again = trainer(model, examples), trainer(model, examples)
    assert first.fit() == again.fit()
    for a, b in zip(weights_of(first), weights_of(again), strict=True):
        np.testing.assert_array_equal(a, b)
    other = trainer(model, examples, replace(CONFIG, seed=2))
    assert other.fit()[0]["loss"] != first.fit()[0]["loss"]


def test_keeps_the_best_epoch_and_stops(
    model: RankingModel,
    examples: dict[str, RetrievalExamples],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Validation recalls as given: the second is the best, and two more do not beat it."""
    trained = trainer(model, examples, replace(CONFIG, epochs=9, patience=2))
    kept = []
    values = iter([0.1, 0.3, 0.2, 0.3, 0.9])

    def validate() -> Logs:
        kept.append(weights_of(trained))
        return {SELECTED_BY: next(values)}

    monkeypatch.setattr(trained, "_validate", validate)
    assert [logs[SELECTED_BY] for logs in trained.fit()] == [0.1, 0.3, 0.2, 0.3]
    for a, b in zip(weights_of(trained), kept[1], strict=True):
        np.testing.assert_array_equal(a, b)


def test_the_best_recall_is_the_heads(
    model: RankingModel, examples: dict[str, RetrievalExamples]
) -> None:
    trained = trainer(model, examples)
    history = trained.fit()
    index = build_index(model, trained.head, 1)
    found = recall(index, query_vectors(trained.head, examples["valid"]), examples["valid"])
    assert found[SELECTED_BY] == max(logs[SELECTED_BY] for logs in history)


def test_more_instances_than_a_batch(
    model: RankingModel, examples: dict[str, RetrievalExamples]
) -> None:
    number = len(examples["train"])
    with pytest.raises(InputError, match=f"{number} training instances.*batch of {number + 1}"):
        trainer(model, examples, replace(CONFIG, batch_size=number + 1))


def test_a_loss_that_is_not_finite_ends_it(
    model: RankingModel, examples: dict[str, RetrievalExamples]
) -> None:
    trained = trainer(model, examples, replace(CONFIG, learning_rate=1e38))
    with pytest.raises(FloatingPointError, match=r"the loss is nan in epoch 1.*--learning-rate"):
        trained.fit()


def test_probabilities_are_shares_of_the_positives() -> None:
    found = sampling_probabilities(np.array([3, 5, 3, 2], np.int32))
    np.testing.assert_array_equal(found, np.float32([0, 0, 1 / 4, 1 / 2, 0, 1 / 4]))
