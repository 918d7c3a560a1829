from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sesrec_tf.config import Config
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.scoring import ScoredSplit, SplitScorer, read_split, stack
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.schema import CANDIDATES, INSTANCE, REC_ITEMS, USER

CANDIDATES_EACH = 20


@pytest.fixture(scope="module")
def model(tiny_config: Config, tiny_data: PreparedDataset) -> RankingModel:
    return create_model(tiny_config, tiny_data)


@pytest.fixture(scope="module")
def scored(model: RankingModel, tiny_data: PreparedDataset) -> ScoredSplit:
    return SplitScorer(model, tiny_data, tiny_data.history)("test")


class Counter:
    """Stands before a method and keeps the first dimensions it was traced or called with."""

    def __init__(self, method: Any) -> None:
        self._method = method
        self.shapes: list[tuple[tuple[int, ...], int]] = []

    def __call__(self, states: Any, *arguments: Any, **options: Any) -> Any:
        self.shapes.append((tuple(states.shape), len(arguments)))
        return self._method(states, *arguments, **options)


def test_each_history_is_encoded_once(
    model: RankingModel,
    scored: ScoredSplit,
    tiny_data: PreparedDataset,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A batch of B users and B·K candidates passes the encoders as B histories, once."""
    counters = {name: Counter(getattr(model, name)) for name in ("rec_encoder", "search_encoder")}
    batch = next(iter(evaluation_batches(tiny_data, "test", tiny_data.history, 8)))
    with pytest.MonkeyPatch.context() as patch:
        for name, counter in counters.items():
            # Past Keras' tracking of layers, which takes layers only.
            patch.setitem(model.__dict__, name, counter)
            assert getattr(model, name) is counter
        logits = model(batch, training=False)
    assert logits.shape == (8, CANDIDATES_EACH)
    width = model.width
    history = tiny_data.history
    assert counters["rec_encoder"].shapes == [((8, history.rec_length, width), 1)]
    assert counters["search_encoder"].shapes == [((8, history.search_length, width), 1)]
    np.testing.assert_allclose(logits, scored.logits[:8], atol=1e-5)


def test_logits_belong_to_their_features(
    model: RankingModel, scored: ScoredSplit, tiny_data: PreparedDataset
) -> None:
    assert scored.logits.shape == (tiny_data.instances("test"), CANDIDATES_EACH)
    assert scored.logits.dtype == np.float32
    batches = evaluation_batches(tiny_data, "test", tiny_data.history, 5)
    for number, batch in enumerate(batches.take(2)):
        rows = slice(5 * number, 5 * number + 5)
        np.testing.assert_array_equal(scored.features[INSTANCE][rows], batch[INSTANCE])
        np.testing.assert_allclose(
            scored.logits[rows], model(batch, training=False), rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_the_size_of_a_batch_does_not_matter(
    model: RankingModel, scored: ScoredSplit, tiny_data: PreparedDataset, batch_size: int
) -> None:
    other = SplitScorer(model, tiny_data, tiny_data.history, batch_size)("test")
    np.testing.assert_allclose(other.logits, scored.logits, rtol=1e-5, atol=1e-6)
    assert other.features.keys() == scored.features.keys()
    for name, values in scored.features.items():
        np.testing.assert_array_equal(other.features[name], values)


def test_scores_the_weights_of_the_moment(tiny_config: Config, tiny_data: PreparedDataset) -> None:
    """The traced graph is kept, the weights are not."""
    model = create_model(tiny_config, tiny_data)
    scorer = SplitScorer(model, tiny_data, tiny_data.history)
    first = scorer("valid").logits
    for variable in model.trainable_variables:
        variable.assign(variable * 2.0)
    assert not np.allclose(scorer("valid").logits, first)
    for variable in model.trainable_variables:
        variable.assign(variable / 2.0)
    np.testing.assert_array_equal(scorer("valid").logits, first)


def test_progress_sees_every_batch(model: RankingModel, tiny_data: PreparedDataset) -> None:
    seen = []

    def progress(batches: Iterable[Any]) -> Iterator[Any]:
        for batch in batches:
            seen.append(len(batch[USER]))
            yield batch

    SplitScorer(model, tiny_data, tiny_data.history, 10)("valid", progress)
    assert sum(seen) == tiny_data.instances("valid")


def test_read_split_needs_no_model(scored: ScoredSplit, tiny_data: PreparedDataset) -> None:
    features = read_split(tiny_data, "test", tiny_data.history)
    for name, values in scored.features.items():
        np.testing.assert_array_equal(features[name], values)


def test_stack() -> None:
    batches = [{USER: np.array([1, 2])}, {USER: np.array([3])}]
    np.testing.assert_array_equal(stack(batches)[USER], [1, 2, 3])


def test_damaged_records_are_named(
    model: RankingModel, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    data = PreparedDataset(shutil.copytree(tiny_data.path, tmp_path / "data"))
    file = Path(data.record_files("valid")[0])
    os.truncate(file, file.stat().st_size - 3)
    message = f"{re.escape(str(file))} is truncated"
    with pytest.raises(InputError, match=message):
        SplitScorer(model, data, data.history)("valid")
    with pytest.raises(InputError, match=message):
        read_split(data, "valid", data.history)
    assert CANDIDATES in read_split(data, "test", data.history)
    assert REC_ITEMS in read_split(data, "test", data.history)


def test_the_pipeline_of_a_split_is_made_once(
    model: RankingModel, tiny_data: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def counted(*arguments: Any) -> Any:
        made.append(arguments[1])
        return evaluation_batches(*arguments)

    monkeypatch.setattr("sesrec_tf.evaluation.scoring.evaluation_batches", counted)
    scorer = SplitScorer(model, tiny_data, tiny_data.history)
    first, _, again = (scorer(split).logits for split in ("valid", "test", "valid"))
    assert made == ["valid", "test"]
    np.testing.assert_array_equal(first, again)
