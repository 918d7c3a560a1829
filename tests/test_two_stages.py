"""Two stages in one graph, against the stages one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.seen_items import seen_items
from sesrec_tf.errors import InputError
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import build_index
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, REC_ITEMS, HistoryShape, batch_shapes
from sesrec_tf.signatures import PADDED_SCORE
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages

pytest.importorskip("tensorflow_recommenders")

Batch = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def model(tiny_run: RunDirectory) -> RankingModel:
    return load(tiny_run.path)


@pytest.fixture(scope="module")
def shape(tiny_data: PreparedDataset) -> HistoryShape:
    return tiny_data.history


@pytest.fixture(scope="module")
def batch(tiny_data: PreparedDataset) -> Batch:
    """The test instances, and a user of whom nothing is known."""
    (found,) = evaluation_batches(tiny_data, "test", tiny_data.history, 1000)
    return {
        name: np.pad(found[name].numpy(), [(0, 1)] + [(0, 0)] * len(dims))
        for name, dims in batch_shapes(tiny_data.history).items()
        if name != CANDIDATES
    }


@pytest.fixture(scope="module")
def head(model: RankingModel, batch: Batch) -> RetrievalHead:
    keras.utils.set_random_seed(5)
    head = RetrievalHead(6, 16)
    users = model.pooled_user(model.encode(batch))
    head.build(users.shape, model.embed_items(np.zeros(1, np.int32)).shape)
    return head


def stages(
    model: RankingModel, head: RetrievalHead, batch: Batch, top_k: int, retrieve: int
) -> tuple[np.ndarray, np.ndarray]:
    """One user at a time, in NumPy but for the vectors and the scores."""
    state = model.encode(batch)
    users = head.user_vectors(model.pooled_user(state)).numpy()
    known = np.arange(2, head_size(model) + 2, dtype=np.int32)
    vectors = head.item_vectors(model.embed_items(known)).numpy()
    every = model.score(state, np.tile(known, (len(users), 1))).numpy()
    items = np.zeros((len(users), top_k), np.int32)
    logits = np.full((len(users), top_k), PADDED_SCORE, np.float32)
    for row in range(len(users)):
        seen = {*batch[REC_ITEMS][row], *batch[CLICKED_ITEMS][row].ravel()}
        order = [i for i in np.argsort(-vectors @ users[row]) if known[i] not in seen][:retrieve]
        best = sorted(order, key=lambda i: -every[row, i])[:top_k]
        items[row, : len(best)] = known[best]
        logits[row, : len(best)] = every[row, best]
    return items, logits


def head_size(model: RankingModel) -> int:
    return {name: table for table, name in model.id_tables()}["items"].vocabulary_size


@pytest.mark.parametrize(("top_k", "retrieve"), [(3, 10), (10, 10), (5, 1000), (70, 70)])
def test_retrieves_then_ranks(
    model: RankingModel, head: RetrievalHead, batch: Batch, top_k: int, retrieve: int
) -> None:
    """Also where N, and k, are more than the catalogue."""
    recommend = TwoStages(model, head, build_index(model, head, retrieve), top_k)
    items, logits = recommend(batch, seen_items(batch))
    assert items.dtype == tf.int32
    assert logits.dtype == tf.float32
    expected_items, expected_logits = stages(model, head, batch, top_k, retrieve)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-5)
    np.testing.assert_array_equal(items, expected_items)
    assert ((items.numpy() == 0) == (logits.numpy() == PADDED_SCORE)).all()


def test_nothing_of_the_request_comes_back(
    model: RankingModel, head: RetrievalHead, batch: Batch
) -> None:
    """Every item is recommended to a user who has seen none; none of those that were seen."""
    size = head_size(model)
    recommend = TwoStages(model, head, build_index(model, head, size), size)
    items = recommend(batch, seen_items(batch))[0].numpy()
    assert set(items[-1]) == set(range(2, size + 2))
    assert any(clicks.any() for clicks in batch[CLICKED_ITEMS])
    for row in range(len(items)):
        seen = {*batch[REC_ITEMS][row], *batch[CLICKED_ITEMS][row].ravel()} - {0, 1}
        assert set(items[row]) - {0} == set(range(2, size + 2)) - seen
        assert (items[row] == 0).sum() == len(seen)


def test_no_more_than_are_retrieved(model: RankingModel, head: RetrievalHead) -> None:
    index = build_index(model, head, 4)
    for top_k in (0, 5):
        with pytest.raises(InputError, match=r"`top_k` should be in \[1, 4\]"):
            TwoStages(model, head, index, top_k)


def test_a_history_is_encoded_once(
    model: RankingModel, head: RetrievalHead, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []
    encode = type(model).encode

    def counted(self: RankingModel, *arguments: object, **options: object) -> object:
        calls.append(self)
        return encode(self, *arguments, **options)

    monkeypatch.setattr(type(model), "encode", counted)
    TwoStages(model, head, build_index(model, head, 9), 3)(batch, seen_items(batch))
    assert len(calls) == 1


Recommend = Callable[[Batch], tuple[np.ndarray, np.ndarray]]


@pytest.fixture(scope="module")
def exported(
    model: RankingModel,
    head: RetrievalHead,
    shape: HistoryShape,
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[TwoStages, Path]:
    recommend = TwoStages(model, head, build_index(model, head, 20), 5)

    def serve(batch: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        items, logits = recommend(batch, seen_items(batch))
        return {"items": items, "logits": logits}

    archive = keras.export.ExportArchive()
    for resource in (model, *recommend.resources):
        archive.track(resource)
    specs = {
        name: tf.TensorSpec((None, *dims), tf.int32, name=name)
        for name, dims in batch_shapes(shape).items()
        if name != CANDIDATES
    }
    archive.add_endpoint("serve", serve, [specs])
    path = tmp_path_factory.mktemp("two_stages") / "1"
    archive.write_out(str(path), verbose=False)
    return recommend, path


@pytest.fixture(params=["TF2", "TF1"])
def recommend(request: pytest.FixtureRequest, exported: tuple[TwoStages, Path]) -> Recommend:
    """An archive through one of the two loaders."""
    path = exported[1]
    if request.param == "TF2":
        signature = tf.saved_model.load(str(path)).signatures["serve"]

        def recommend_tf2(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
            found = signature(**{name: tf.constant(value) for name, value in batch.items()})
            return found["items"].numpy(), found["logits"].numpy()

        # The signature does not keep what it was loaded from.
        recommend_tf2.signature = signature
        return recommend_tf2
    session = tf.compat.v1.Session(graph=tf.Graph())
    with session.graph.as_default():
        definition = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
    signature = definition.signature_def["serve"]

    def recommend_tf1(batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        feed = {signature.inputs[name].name: value for name, value in batch.items()}
        return session.run([signature.outputs[n].name for n in ("items", "logits")], feed)

    return recommend_tf1


def test_an_archive_gives_the_same(
    recommend: Recommend, exported: tuple[TwoStages, Path], batch: Batch
) -> None:
    items, logits = recommend(batch)
    expected_items, expected_logits = exported[0](batch, seen_items(batch))
    np.testing.assert_array_equal(items, expected_items)
    np.testing.assert_allclose(logits, expected_logits, atol=1e-6)


def test_batch_mates_do_not_matter(recommend: Recommend, batch: Batch) -> None:
    items, logits = recommend(batch)
    for row in (0, 7, len(items) - 1):
        alone = {name: value[row : row + 1] for name, value in batch.items()}
        np.testing.assert_array_equal(recommend(alone)[0], items[row : row + 1])
        np.testing.assert_allclose(recommend(alone)[1], logits[row : row + 1], atol=1e-6)
