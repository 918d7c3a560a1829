"""The signature `recommend` of an export with a head, through both loaders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.data.seen_items import seen_items
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.retrieval import build_index
from sesrec_tf.servable.origin import find_version
from sesrec_tf.servable.publish import publish
from sesrec_tf.signatures import PADDED_SCORE, recommend_shapes
from sesrec_tf.two_stages import TwoStages
from tests.servable.reference import (
    Predict,
    RawRequest,
    RawSearch,
    dense,
    indices,
    predict_tf1,
    predict_tf2,
)
from tests.servable.test_batching import batched

TOP_K, RETRIEVE = 7, 20


@pytest.fixture(scope="module")
def head(model) -> RetrievalHead:
    """Not trained: what is retrieved is arbitrary, what becomes of it is not."""
    head = RetrievalHead(width=8, hidden_units=16)
    head.build((None, 2 * model.width + model.users.width), (None, model.width))
    return head


@pytest.fixture(scope="module")
def two_stages(model, head) -> TwoStages:
    return TwoStages(model, head, build_index(model, head, RETRIEVE), TOP_K)


@pytest.fixture(scope="module")
def version(model, tiny_run, two_stages, tmp_path_factory) -> Path:
    base = tmp_path_factory.mktemp("recommending")
    return publish(model, tiny_run, base, two_stages=two_stages)


@pytest.fixture(scope="module")
def recommenders(version) -> dict[str, Predict]:
    return {"TF2": predict_tf2(version), "TF1": predict_tf1(version)}


@pytest.fixture(params=["TF2", "TF1"])
def predict(request, recommenders) -> Predict:
    return recommenders[request.param]


def inputs_of(requests: list[RawRequest], shape) -> dict[str, np.ndarray]:
    inputs = dense(requests, shape)
    return {name: inputs[name] for name in recommend_shapes(shape)}


def seen(request: RawRequest, shape) -> set[str]:
    clicks = [
        item
        for search in request.searches[-shape.search_length :]
        for item in search.clicked_items[: shape.clicks]
    ]
    return {*request.rec_items[-shape.rec_length :], *clicks}


def test_unseen_items_by_falling_score(predict, requests_, shape, tiny_data):
    answer = predict("recommend", inputs_of(requests_, shape))
    assert set(answer) == {"items", "scores", "probabilities"}
    known = set(tiny_data.vocabulary("items"))
    for request, items, scores, probabilities in zip(
        requests_, answer["items"], answer["scores"], answer["probabilities"], strict=True
    ):
        texts = [item.decode() for item in items]
        assert len(set(texts)) == TOP_K
        assert set(texts) <= known - seen(request, shape)
        assert (np.diff(scores) <= 0).all()
        np.testing.assert_allclose(probabilities, 1 / (1 + np.exp(-scores)), atol=1e-6)


def test_scores_are_those_of_the_ranking(predict, requests_, shape, model, tiny_data):
    answer = predict("recommend", inputs_of(requests_, shape))
    ranked = [
        RawRequest(r.user, tuple(item.decode() for item in items), r.rec_items, r.searches)
        for r, items in zip(requests_, answer["items"], strict=True)
    ]
    logits = model(indices(ranked, tiny_data, shape), training=False)
    np.testing.assert_allclose(answer["scores"], logits, atol=1e-5)


def test_the_best_of_all_when_all_are_retrieved(model, head, requests_, shape, tiny_data):
    """With N as large as the catalogue, the head has no say but in ties."""
    catalogue = tiny_data.vocabulary("items")
    everything = TwoStages(model, head, build_index(model, head, len(catalogue)), TOP_K)
    batch = indices(requests_, tiny_data, shape)
    del batch["candidates"]
    _, logits = everything(batch, seen_items(batch))
    every = [RawRequest(r.user, tuple(catalogue), r.rec_items, r.searches) for r in requests_]
    scores = model(indices(every, tiny_data, shape), training=False).numpy()
    for row, request in enumerate(requests_):
        unseen = [item not in seen(request, shape) for item in catalogue]
        best = np.sort(scores[row][unseen])[::-1][:TOP_K]
        np.testing.assert_allclose(logits[row], best, atol=1e-5)


def test_too_few_unseen_items(model, head, tiny_data, shape, requests_):
    size = len(tiny_data.vocabulary("items"))
    recommend = TwoStages(model, head, build_index(model, head, size), size)
    batch = indices(requests_[:4], tiny_data, shape)
    del batch["candidates"]
    items, logits = (value.numpy() for value in recommend(batch, seen_items(batch)))
    for request, row, scores in zip(requests_, items, logits, strict=False):
        missing = len(seen(request, shape) & set(tiny_data.vocabulary("items")))
        assert missing > 0
        assert (row[size - missing :] == 0).all()
        assert (row[: size - missing] >= 2).all()
        assert (scores[size - missing :] == PADDED_SCORE).all()


@pytest.mark.parametrize("query", ["", " "])
def test_clicks_without_a_query_are_seen(predict, shape, query):
    best = predict("recommend", inputs_of([RawRequest("u1", ("i1",))], shape))["items"][0]
    clicked = [item.decode() for item in best[: shape.search_length]]
    searches = tuple(RawSearch(query, "", (item,)) for item in clicked)
    request = RawRequest("u1", ("i1",), (), searches)
    again = predict("recommend", inputs_of([request], shape))["items"][0]
    assert not {item.decode() for item in again} & set(clicked)


def test_answers_do_not_depend_on_batch_mates(predict, requests_, shape):
    requests = [inputs_of([request], shape) for request in requests_]
    together = predict("recommend", batched(requests))
    for row, request in enumerate(requests):
        alone = predict("recommend", request)
        assert alone["items"][0].tolist() == together["items"][row].tolist()
        for name in ("scores", "probabilities"):
            np.testing.assert_allclose(together[name][row], alone[name][0], rtol=1e-6, atol=1e-6)


def test_impossible_shapes_are_refused(predict, shape):
    inputs = inputs_of([RawRequest("u1", ("i1",), ("i2",), (RawSearch("w1"),))], shape)
    inputs["queries"] = inputs["queries"][:, 1:]
    with pytest.raises(tf.errors.InvalidArgumentError, match="`queries` should have the shape"):
        predict("recommend", inputs)


def test_the_ranking_is_the_same(predict, requests_, shape, expected_logits):
    scores = predict("serving_default", dense(requests_, shape))["scores"]
    for row, (request, logits) in enumerate(zip(requests_, expected_logits, strict=True)):
        np.testing.assert_allclose(scores[row, : len(request.candidates)], logits, atol=1e-5)


def test_it_is_another_version_than_one_without(version, model, tiny_run):
    assert find_version(version.parent, model, tiny_run) is None
