"""What the base class gives every ranking model."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sesrec_tf.models.ranking_model import RankingModel, State
from sesrec_tf.schema import CANDIDATES, USER
from tests.models.model_test import positive_first, run_model_test

FEATURES = {
    USER: np.array([1, 2, 3], np.int32),
    CANDIDATES: np.array([[1, 2], [2, 3], [3, 1]], np.int32),
}


@keras.saving.register_keras_serializable("tests")
class Penalty(keras.layers.Layer):
    """Adds 2 · 3 and 2 · 5 in training."""

    term_names = ("three", "five")
    term_scale = 2.0

    def call(self, inputs: Any) -> Any:
        for value in (3.0, 5.0):
            self.add_loss(keras.ops.convert_to_tensor(self.term_scale * value))
        return inputs


@keras.saving.register_keras_serializable("tests")
class Product(RankingModel):
    """User times item, and a constant table."""

    def __init__(self, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(seed=seed, **kwargs)
        self.users = self.add_weight(shape=(4, 2), initializer="random_normal", name="users")
        self.items = self.add_weight(shape=(4, 2), initializer="random_normal", name="items")
        self.data = self.add_weight(shape=(9,), trainable=False, name="data")
        self.penalty = Penalty(name="penalty", dtype=self.dtype_policy)
        self.track_terms()
        self.built = True

    @property
    def loss_layers(self) -> list[Any]:
        return [self.penalty]

    def encode(self, features: dict[str, Any], training: bool = False) -> State:
        vectors = keras.ops.take(self.users, features[USER], axis=0)
        return {"user": self.penalty(vectors) if training else vectors}

    def score(self, state: State, candidates: Any, training: bool = False) -> Any:
        items = keras.ops.take(self.items, candidates, axis=0)
        logits = keras.ops.sum(items * state["user"][:, None], axis=-1)
        wide = "float64" if self.compute_dtype == "float64" else "float32"
        return keras.ops.cast(logits, wide)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "seed": self.seed}


def test_as_a_model(tmp_path: Path) -> None:
    keras.utils.set_random_seed(0)
    run_model_test(Product(seed=3), FEATURES, tmp_path)


def test_the_base_class_scores_nothing() -> None:
    model = RankingModel()
    for call in (
        lambda: model.encode({}),
        lambda: model.score({}, None),
        lambda: model.set_tables(None),
    ):
        with pytest.raises(NotImplementedError, match="RankingModel should implement"):
            call()
    assert model.loss_layers == model.id_tables() == []


def test_terms_are_logged_unweighted_and_added_weighted() -> None:
    model = Product()
    model.users.assign(np.zeros((4, 2)))
    model.compile(keras.optimizers.SGD(0.0), run_eagerly=True)
    for _ in range(2):
        logs = model.train_on_batch(FEATURES, positive_first(FEATURES), return_dict=True)
    # All logits are 0: BCE is ln 2, and the terms 3 and 5 count twice.
    expected = {"loss": math.log(2) + 16, "bce": math.log(2), "three": 3, "five": 5}
    assert logs == pytest.approx(expected, rel=1e-6)


def test_terms_are_metrics_that_an_epoch_resets() -> None:
    model = Product()
    model.compile(run_eagerly=True)
    model.train_on_batch(FEATURES, positive_first(FEATURES))
    assert {"three", "five"} <= {metric.name for metric in model.metrics}
    assert float(model.term_metrics["three"].result()) == 3.0
    model.reset_metrics()
    assert float(model.term_metrics["three"].result()) == 0.0


def test_evaluation_adds_no_terms() -> None:
    model = Product()
    model.users.assign(np.zeros((4, 2)))
    model.compile(run_eagerly=True)
    logs = model.test_on_batch(FEATURES, positive_first(FEATURES), return_dict=True)
    assert logs["loss"] == pytest.approx(math.log(2), rel=1e-6)
    assert model.loss_terms() == {}


def test_the_seed_of_a_step_counts_updates() -> None:
    model = Product(seed=7)
    assert model.step_seed().numpy().tolist() == [7, 0]
    model.compile(run_eagerly=True)
    assert model.step_seed().numpy().tolist() == [7, 0]
    for _ in range(2):
        model.train_on_batch(FEATURES, positive_first(FEATURES))
    assert model.step_seed().numpy().tolist() == [7, 2]


def test_constant_tables_are_no_parameters() -> None:
    assert Product().count_params() == 16
