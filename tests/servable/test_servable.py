"""Exported signatures against the model in this process, through both loaders."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from tensorflow.core.protobuf import saved_model_pb2

from sesrec_tf.config import Config
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.registry import create_model
from sesrec_tf.schema import HistoryShape
from sesrec_tf.servable.servable import Servable, request_widths
from sesrec_tf.signatures import PADDED_SCORE, explanation_shapes
from tests.servable.reference import (
    Predict,
    RawRequest,
    RawSearch,
    dense,
    indices,
    predict_tf1,
    predict_tf2,
    serialized,
)

TOLERANCE = 1e-5


def inputs_of(signature: str, requests: list[RawRequest], shape: HistoryShape) -> dict:
    if signature == "examples":
        return {"examples": serialized(requests)}
    return dense(requests, shape)


def assert_scores(
    outputs: dict[str, np.ndarray], requests: list[RawRequest], logits: list[np.ndarray]
) -> None:
    scores, probabilities = outputs["scores"], outputs["probabilities"]
    assert scores.dtype == probabilities.dtype == np.float32
    assert scores.shape == probabilities.shape
    for row, (request, expected) in enumerate(zip(requests, logits, strict=True)):
        real = len(request.candidates)
        np.testing.assert_allclose(scores[row, :real], expected, atol=TOLERANCE)
        np.testing.assert_allclose(
            probabilities[row, :real], 1 / (1 + np.exp(-expected)), atol=TOLERANCE
        )
        assert (scores[row, real:] == PADDED_SCORE).all()
        assert (probabilities[row, real:] == 0).all()


@pytest.mark.parametrize("signature", ["serving_default", "examples"])
def test_equals_the_model_in_process(predict, signature, requests_, expected_logits, shape):
    outputs = predict(signature, inputs_of(signature, requests_, shape))
    assert_scores(outputs, requests_, expected_logits)


def test_explanations_equal_the_model_s(predict, requests_, model, tiny_data, shape):
    """Histories of the requests have no gaps, so both sides hold events at the same places."""
    batch = indices(requests_, tiny_data, shape)
    expected = model.explain(model.encode(batch, training=False), batch["candidates"])
    found = predict("explain", dense(requests_, shape))
    assert set(found) == {*explanation_shapes(shape), "scores", "probabilities"}
    for name in explanation_shapes(shape):
        assert found[name].dtype == (np.int32 if "similar" in name else np.float32)
        np.testing.assert_allclose(found[name], expected[name], atol=TOLERANCE)
    lengths = (batch["rec_items"] != 0).sum(1)
    assert lengths.min() < lengths.max()
    for length, weights, interests in zip(
        lengths, found["rec_weights"], found["rec_interests"], strict=True
    ):
        if length:
            assert weights[:length].sum() == pytest.approx(1, abs=TOLERANCE)
            np.testing.assert_allclose(interests.sum(0), 1, atol=TOLERANCE)
        assert not weights[length:].any()
        assert not interests[length:].any()


def test_explanations_stand_where_the_request_holds_the_events(predict, shape):
    searches = (RawSearch("w1 w2", "typed", ("i3",)), RawSearch("w3"))
    inputs = dense([RawRequest("u1", ("i1", "i2"), ("i4", "i5"), searches)], shape)
    expected = predict("explain", inputs)
    order = [2, 0, 3, 1]
    for name in ("rec_items", "queries", "query_sources", "clicked_items"):
        inputs[name] = inputs[name][:, [*order, *range(4, inputs[name].shape[1])]]
    found = predict("explain", inputs)
    for name in explanation_shapes(shape):
        moved = expected[name][:, [*order, *range(4, expected[name].shape[1])]]
        assert moved.any()
        np.testing.assert_allclose(found[name], moved, atol=1e-6)


def test_no_interest_in_an_empty_candidate(predict, shape):
    requests = [RawRequest("u1", ("i1", "i2"), ("i4", "i5"), (RawSearch("w3"),))] * 2
    inputs = dense(requests, shape)
    inputs["candidates"][0, 0] = ""
    found = predict("explain", inputs)
    for name in ("rec_interests", "search_interests"):
        assert not found[name][0].any()
        assert found[name][1].any()


@pytest.mark.parametrize("signature", ["serving_default", "examples"])
def test_batch_mates_do_not_matter(predict, signature, requests_, expected_logits, shape):
    for row in (0, 17, len(requests_) - 3, len(requests_) - 1):
        request = [requests_[row]]
        outputs = predict(signature, inputs_of(signature, request, shape))
        assert_scores(outputs, request, [expected_logits[row]])


def test_candidates_do_not_matter_to_each_other(predict, requests_, expected_logits, shape):
    request = requests_[5]
    order = list(range(len(request.candidates)))[::-1]
    turned = RawRequest(
        request.user,
        tuple(request.candidates[k] for k in order),
        request.rec_items,
        request.searches,
    )
    outputs = predict("serving_default", dense([turned], shape))
    assert_scores(outputs, [turned], [expected_logits[5][order]])


def test_scores_differ_between_users_and_candidates(expected_logits):
    """What the tests above compare is no constant."""
    assert np.std(np.concatenate(expected_logits)) > 100 * TOLERANCE


def test_signatures(tiny_servable: Path, shape: HistoryShape):
    saved_model = saved_model_pb2.SavedModel.FromString(
        (tiny_servable / "saved_model.pb").read_bytes()
    )
    (graph,) = saved_model.meta_graphs
    signature = graph.signature_def["serving_default"]
    found = {
        name: (info.dtype, [dim.size for dim in info.tensor_shape.dim])
        for name, info in signature.inputs.items()
    }
    string = tf.string.as_datatype_enum
    assert found == {
        "user": (string, [-1]),
        "rec_items": (string, [-1, 6]),
        "queries": (string, [-1, 4]),
        "query_sources": (string, [-1, 4]),
        "clicked_items": (string, [-1, 4, 2]),
        "candidates": (string, [-1, -1]),
    }
    assert {name: info.dtype for name, info in signature.outputs.items()} == {
        "scores": tf.float32.as_datatype_enum,
        "probabilities": tf.float32.as_datatype_enum,
    }
    examples = graph.signature_def["examples"]
    assert [dim.size for dim in examples.inputs["examples"].tensor_shape.dim] == [-1]
    assert set(examples.outputs) == {"scores", "probabilities"}
    explain = graph.signature_def["explain"]
    assert explain.inputs.keys() == signature.inputs.keys()
    sizes = {
        name: tuple(dim.size for dim in info.tensor_shape.dim)
        for name, info in explain.outputs.items()
    }
    scores = {"scores": (-1, -1), "probabilities": (-1, -1)}
    assert sizes == scores | {n: (-1, *dims) for n, dims in explanation_shapes(shape).items()}


def test_no_python_in_the_graph(tiny_servable: Path):
    content = (tiny_servable / "saved_model.pb").read_bytes()
    for forbidden in (b"PyFunc", b"EagerPyFunc", b"_XlaMustCompile\x12\x02(\x01"):
        assert forbidden not in content


def test_vocabularies_are_assets(tiny_servable: Path, tiny_data: PreparedDataset):
    for name in ("users", "items", "queries", "words", "sources"):
        asset = tiny_servable / "assets" / f"{name}.txt"
        assert asset.read_bytes() == tiny_data.vocabulary_file(name).read_bytes()


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("user", lambda value: value[0], r"`user` should have the shape \[batch\]\. .*\[\]"),
        ("user", lambda value: value[:, None], r"`user` should have .* \[2 1\]"),
        (
            "rec_items",
            lambda value: value[:, :5],
            r"`rec_items` should have the shape \[batch, 6\]: pad with empty strings.* \[2 5\]",
        ),
        ("rec_items", lambda value: np.tile(value, 2), r"`rec_items` should .* \[2 12\]"),
        ("rec_items", lambda value: value[0], r"`rec_items` should have .* \[6\]"),
        (
            "clicked_items",
            lambda value: value[:, :, :1],
            r"`clicked_items` should have the shape \[batch, 4, 2\].* \[2 4 1\]",
        ),
        ("clicked_items", lambda value: value[:, :, 0], r"`clicked_items` should .* \[2 4\]"),
        (
            "candidates",
            lambda value: value[0],
            r"`candidates` should .*\[batch, at least 1\]\. .* \[3\]",
        ),
        ("candidates", lambda value: value[:, :0], r"`candidates` should have .* \[2 0\]"),
        (
            "queries",
            lambda value: value[:1],
            r"`queries` should have as many rows as `user`.* \[1\] \[2\]",
        ),
    ],
)
def test_impossible_shapes_are_refused(predict, shape, name, change, message):
    requests = [RawRequest("u1", ("i1", "i2", "i3"), ("i4",))] * 2
    inputs = dense(requests, shape)
    inputs[name] = np.array(change(inputs[name]), np.object_)
    for signature in ("serving_default", "explain"):
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            predict(signature, inputs)


def test_gaps_are_closed(predict, shape):
    """Padding between events, or before them, does not move the events."""
    first, second = RawSearch("w1 w2", "typed", ("i3",)), RawSearch("w3")
    request = RawRequest("u1", ("i1", "i2"), ("i4", "i5"), (first, second))
    expected = predict("serving_default", dense([request], shape))
    inputs = dense([request], shape)
    for name in ("rec_items", "queries", "query_sources", "clicked_items"):
        inputs[name] = inputs[name][:, [2, 0, 3, 1, *range(4, inputs[name].shape[1])]]
    outputs = predict("serving_default", inputs)
    np.testing.assert_allclose(outputs["scores"], expected["scores"], atol=1e-6)


def test_a_session_without_words_is_no_session(predict, shape):
    request = RawRequest("u1", ("i1", "i2"), ("i4",), (RawSearch("w1", "typed", ("i3",)),))
    spaces = RawSearch("  ", "typed", ("i7", "i8"))
    padded = RawRequest("u1", request.candidates, request.rec_items, (spaces, *request.searches))
    for signature in ("serving_default", "examples"):
        expected, found = (
            predict(signature, inputs_of(signature, [which], shape)) for which in (request, padded)
        )
        np.testing.assert_allclose(found["scores"], expected["scores"], atol=1e-6)


def test_an_empty_user_is_an_unknown_one(predict, shape):
    scores = [
        predict("serving_default", dense([RawRequest(user, ("i1", "i2"), ("i3",))], shape))
        for user in ("", "stranger")
    ]
    np.testing.assert_array_equal(scores[0]["scores"], scores[1]["scores"])


@pytest.mark.parametrize("rows", [0, 2])
def test_no_candidates_or_no_users(predict, shape, rows):
    inputs = dense([RawRequest("u1", ("i1",))] * 2, shape)
    inputs = {name: value[:rows] for name, value in inputs.items()}
    inputs["candidates"][:] = ""
    for signature in ("serving_default", "explain"):
        outputs = predict(signature, inputs)
        assert outputs["scores"].shape == (rows, 1)
        assert (outputs["probabilities"] == 0).all()
    examples = serialized([RawRequest("u1", ())] * 2)[:rows]
    outputs = predict("examples", {"examples": examples})
    assert outputs["scores"].shape == (rows, 1)
    assert (outputs["probabilities"] == 0).all()


def variant(config: Config, name: str) -> Config:
    if name == "official":
        # Padding enters these scores, so requests must be padded to the model's widths.
        return Config(
            HistoryShape(rec_length=9, search_length=5, query_words=3, clicks=3),
            config.replace("model", closed_tables=True, mask_both_axes=False).model,
            config.training,
        )
    base = config.replace("model", alpha=0.0, beta=0.0, multi_interest=False)
    return Config(HistoryShape(3, 2, 2, 1), base.model, base.training)


@pytest.fixture(scope="module")
def sourceless_data(tiny_logs: LogTables, tmp_path_factory) -> PreparedDataset:
    """An empty vocabulary: no search names its source."""
    logs = replace(tiny_logs, searches=tiny_logs.searches.assign(source=""))
    options = PrepareOptions(max_rec=6, max_searches=4, max_clicks=2, max_words=3, num_negatives=3)
    return prepare(logs, options, tmp_path_factory.mktemp("sourceless") / "data")


@pytest.mark.parametrize("name", ["official", "base"])
def test_other_settings(name, tiny_config, tiny_data, sourceless_data, requests_, tmp_path):
    """Batches wider or narrower than the records, closed tables, no multi-interest, no sources."""
    config = variant(tiny_config, name)
    data = sourceless_data if name == "base" else tiny_data
    model = create_model(config, data)
    servable = Servable(model, data, config.history)
    assert servable.history == request_widths(config.history, data.history)
    assert ("explain" in servable.signatures) == (name == "official")
    servable.write(tmp_path / "1")
    features = indices(requests_, data, servable.history)
    padded = pad_batch(features, config.history)
    logits = model(padded, training=False).numpy()
    expected = [row[: len(r.candidates)] for row, r in zip(logits, requests_, strict=True)]
    for load in (predict_tf2, predict_tf1):
        predict: Predict = load(tmp_path / "1")
        for signature in ("serving_default", "examples"):
            outputs = predict(signature, inputs_of(signature, requests_, servable.history))
            assert_scores(outputs, requests_, expected)


def pad_batch(features: dict[str, np.ndarray], shape: HistoryShape) -> dict[str, np.ndarray]:
    widths = {
        "rec_items": (shape.rec_length,),
        "queries": (shape.search_length,),
        "query_words": (shape.search_length, shape.query_words),
        "query_sources": (shape.search_length,),
        "clicked_items": (shape.search_length, shape.clicks),
    }
    return {
        name: np.pad(
            value,
            [
                (0, 0),
                *((0, w - n) for w, n in zip(widths[name], value.shape[1:], strict=True)),
            ],
        )
        if name in widths
        else value
        for name, value in features.items()
    }
