"""Two stages beside the whole catalogue, on the tiny run."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import sesrec_tf
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation import retrieval_stages
from sesrec_tf.evaluation.retrieval_stages import (
    StageComparison,
    compare_stages,
    sample_instances,
)
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import build_index
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, REC_ITEMS
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages

pytest.importorskip("tensorflow_recommenders")

Features = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def model(tiny_run: RunDirectory) -> RankingModel:
    return sesrec_tf.load(tiny_run.path)


@pytest.fixture(scope="module")
def head(model: RankingModel, tiny_data: PreparedDataset) -> RetrievalHead:
    keras.utils.set_random_seed(5)
    features = sample_instances(tiny_data, "test", tiny_data.history, 1, 0)
    head = RetrievalHead(6, 16)
    users = model.pooled_user(model.encode(features))
    head.build(users.shape, model.embed_items(np.zeros(1, np.int32)).shape)
    return head


def compared(
    model: RankingModel, head: RetrievalHead, data: PreparedDataset, features: Features, n: int
) -> StageComparison:
    two_stages = TwoStages(model, head, build_index(model, head, n), 1)
    items = data.sizes.items
    return compare_stages(model, two_stages, features, data.history, items)


def ranks(
    model: RankingModel, head: RetrievalHead, data: PreparedDataset, features: Features, n: int
) -> np.ndarray:
    """Rank of each positive by the head and by the model among the n retrieved, and by the model
    among all unseen items; inf if it is absent."""
    state = model.encode(features)
    known = np.arange(2, data.sizes.items + 2, dtype=np.int32)
    logits = model.score(state, np.tile(known, (len(features[CANDIDATES]), 1))).numpy()
    users = head.user_vectors(model.pooled_user(state)).numpy()
    products = users @ head.item_vectors(model.embed_items(known)).numpy().T
    found = np.full((3, len(logits)), np.inf)
    for row, positive in enumerate(features[CANDIDATES][:, 0]):
        seen = {*features[REC_ITEMS][row], *features[CLICKED_ITEMS][row].ravel()}
        unseen = [i for i in np.argsort(-products[row]) if known[i] not in seen]
        if positive - 2 in unseen[:n]:
            found[0, row] = 1 + unseen.index(positive - 2)
        for column, items in ((1, unseen[:n]), (2, unseen)):
            if positive - 2 in items:
                found[column, row] = 1 + (logits[row, items] > logits[row, positive - 2]).sum()
    return found


@pytest.mark.parametrize("at_once", [512, 7])
def test_equals_numpy(
    model: RankingModel,
    head: RetrievalHead,
    tiny_data: PreparedDataset,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
) -> None:
    monkeypatch.setattr(retrieval_stages, "_ITEMS_AT_ONCE", at_once)
    features = sample_instances(tiny_data, "test", tiny_data.history, 1000, 0)
    found = compared(model, head, tiny_data, features, 20)
    retrieval, two_stages, whole = ranks(model, head, tiny_data, features, 20)
    assert found.instances == tiny_data.instances("test")
    assert found.retrieved == pytest.approx(np.isfinite(two_stages).mean())
    for metrics, rank in (
        (found.retrieval, retrieval),
        (found.two_stages, two_stages),
        (found.whole, whole),
    ):
        assert metrics["mrr"] == pytest.approx(np.mean(1 / rank))
        assert metrics["hit@10"] == pytest.approx(np.mean(rank <= 10))
        gains = np.where(rank <= 10, 1 / np.log2(rank + 1), 0)
        assert metrics["ndcg@10"] == pytest.approx(np.mean(gains))
    assert np.isinf(whole).any(), "an unknown positive is among them"
    assert found.two_stages_seconds > 0 < found.whole_seconds


def test_retrieving_everything_changes_nothing(
    model: RankingModel, head: RetrievalHead, tiny_data: PreparedDataset
) -> None:
    features = sample_instances(tiny_data, "valid", tiny_data.history, 1000, 0)
    found = compared(model, head, tiny_data, features, tiny_data.sizes.items)
    assert found.two_stages == pytest.approx(found.whole)


def test_a_sample_is_drawn_by_its_seed(tiny_data: PreparedDataset) -> None:
    first, again, other = (
        sample_instances(tiny_data, "test", tiny_data.history, 10, seed)["instance"]
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert len(set(first)) == 10
    assert set(first) != set(other)
    everything = sample_instances(tiny_data, "test", tiny_data.history, 1000, 1)["instance"]
    assert len(everything) == tiny_data.instances("test")
