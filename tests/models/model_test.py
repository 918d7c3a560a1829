"""One test for every ranking model: weights, encode and score, saving, a training step."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np

from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES

Features = dict[str, np.ndarray]


def run_model_test(model: RankingModel, features: Features, path: Path) -> None:
    """Checks what every ranking model owes its users.

    Args:
        model: never called before.
        features: a batch of at least two users and two candidates.
        path: an empty directory.
    """
    before = [(weight.path, weight.shape) for weight in model.weights]
    assert model.built
    assert before
    logits = np.asarray(model(features))
    assert [(weight.path, weight.shape) for weight in model.weights] == before
    assert logits.shape == features[CANDIDATES].shape
    assert np.isfinite(logits).all()
    _check_encode_and_score(model, features, logits)
    _check_instances_are_apart(model, features, logits)
    _check_saving(model, features, logits, path)
    _check_precision(model, features, logits)
    _check_training(model, features)
    _check_saving_compiled(model, features, path)


def batch_size(features: Features) -> int:
    """`B`."""
    return len(features[CANDIDATES])


def positive_first(features: Features) -> np.ndarray:
    """Labels `[B, K]`."""
    labels = np.zeros(features[CANDIDATES].shape, np.float32)
    labels[:, 0] = 1
    return labels


def _check_encode_and_score(model: RankingModel, features: Features, logits: np.ndarray) -> None:
    state = model.encode(features)
    candidates = features[CANDIDATES]
    assert all(len(value) == batch_size(features) for value in state.values())
    _assert_close(model.score(state, candidates), logits)
    order = np.random.default_rng(0).permutation(candidates.shape[1])
    _assert_close(model.score(state, candidates[:, order]), logits[:, order])
    _assert_close(model.score(state, candidates[:, :1]), logits[:, :1])
    twice = np.concatenate([candidates, candidates], 1)
    _assert_close(model.score(state, twice), np.concatenate([logits, logits], 1))


def _check_instances_are_apart(model: RankingModel, features: Features, logits: np.ndarray) -> None:
    order = np.random.default_rng(1).permutation(batch_size(features))
    shuffled = {name: array[order] for name, array in features.items()}
    _assert_close(model(shuffled), logits[order])
    for row in (0, batch_size(features) - 1):
        alone = {name: array[row : row + 1] for name, array in features.items()}
        _assert_close(model(alone), logits[row : row + 1])


def _check_saving(model: RankingModel, features: Features, logits: np.ndarray, path: Path) -> None:
    model.save(path / "model.keras")
    loaded = keras.saving.load_model(path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.get_config() == model.get_config()
    for old, new in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(old, new)
    np.testing.assert_array_equal(loaded(features), logits)


def _check_precision(model: RankingModel, features: Features, logits: np.ndarray) -> None:
    for policy in ("mixed_bfloat16", "mixed_float16", "float64"):
        config = {**model.get_config(), "dtype": policy}
        copy = type(model).from_config(config)
        copy.set_weights(model.get_weights())
        found = copy(features)
        dtype = "float64" if policy == "float64" else "float32"
        assert {weight.dtype for weight in copy.trainable_weights} == {dtype}
        assert found.dtype == dtype
        tolerance = 1e-5 if policy == "float64" else 0.2
        np.testing.assert_allclose(found, logits, atol=tolerance, rtol=tolerance)


def _check_training(model: RankingModel, features: Features) -> None:
    """One compiled step moves every trainable weight and logs every term by name."""
    model.compile(keras.optimizers.SGD(0.5))
    before = [np.array(weight) for weight in model.trainable_weights]
    constants = [np.array(weight) for weight in model.non_trainable_weights]
    logs = model.train_on_batch(features, positive_first(features), return_dict=True)
    terms = {name for layer in model.loss_layers for name in layer.term_names}
    assert set(logs) == {"loss", "bce", *terms}
    assert np.isfinite(list(logs.values())).all()
    still = [
        weight.path
        for weight, old in zip(model.trainable_weights, before, strict=True)
        if np.array_equal(weight, old)
    ]
    assert still == []
    for weight, old in zip(model.non_trainable_weights, constants, strict=True):
        np.testing.assert_array_equal(weight, old)


def _check_saving_compiled(model: RankingModel, features: Features, path: Path) -> None:
    """A loaded model goes on training where the saved one stood."""
    model.save(path / "compiled.keras")
    loaded = keras.saving.load_model(path / "compiled.keras")
    assert type(loaded.optimizer) is type(model.optimizer)
    labels = positive_first(features)
    for _ in range(2):
        model.reset_metrics()
        loaded.reset_metrics()
        expected = model.train_on_batch(features, labels, return_dict=True)
        assert loaded.train_on_batch(features, labels, return_dict=True) == expected
    for old, new in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(old, new)


def _assert_close(found: object, expected: np.ndarray) -> None:
    np.testing.assert_allclose(np.asarray(found), expected, rtol=1e-4, atol=1e-5)
