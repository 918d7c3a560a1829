"""From logs to answers over gRPC: export, serve, rank, and compare with the model in process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

import sesrec_tf
from serving.client.ranking_client import RankingClient
from serving.server.development_server import DevelopmentServer
from serving.server.model_manager import ModelManager
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.requests.ranking_request import RankingRequest, Search
from sesrec_tf.training.run_directory import RunDirectory
from tests.servable.reference import RawRequest, RawSearch, indices, request_of_row, serialized

TOLERANCE = 1e-5


@pytest.fixture(scope="module")
def address(tiny_servable: Path) -> Iterator[str]:
    """A server of the tiny run on a free port; its warm-up requests have run."""
    manager = ModelManager("sesrec", tiny_servable.parent)
    with DevelopmentServer(port=0) as server:
        manager.load_any()
        server.start(manager)
        yield server.address


@pytest.fixture(scope="module")
def client(address: str) -> Iterator[RankingClient]:
    with RankingClient(address, timeout=60) as connected:
        yield connected


@pytest.fixture(scope="module")
def raw_requests(tiny_logs: LogTables, tiny_data: PreparedDataset) -> list[RawRequest]:
    """The test users of the logs, then one of each kind that logs do not hold."""
    items = tiny_data.vocabulary("items")
    rows = tiny_data.table("interactions")
    rows = rows[rows["split"] == "test"]
    unheard = RawSearch("never  heard of w1", "voice", ("nowhere", items[0], items[1], items[2]))
    return [
        *(
            request_of_row(tiny_logs, row, [item, *items[: row % 9]])
            for row, item in zip(rows["row"], rows["item_id"], strict=True)
        ),
        RawRequest("u1", tuple(items[:3])),
        RawRequest("stranger", (items[0], "unheard-of")),
        RawRequest("stranger", (items[0],), ("nothing", items[3]) * 30, (unheard,) * 30),
    ]


@pytest.fixture(scope="module")
def expected(
    raw_requests: list[RawRequest], tiny_run: RunDirectory, tiny_data: PreparedDataset
) -> list[np.ndarray]:
    """Logits in this process, for indices looked up in plain Python."""
    model = sesrec_tf.load(tiny_run.path)
    logits = model(indices(raw_requests, tiny_data, tiny_data.history), training=False).numpy()
    return [row[: len(r.candidates)] for row, r in zip(logits, raw_requests, strict=True)]


def client_request(raw: RawRequest) -> RankingRequest:
    searches = tuple(Search(s.query, s.source, s.clicked_items) for s in raw.searches)
    return RankingRequest(raw.user, raw.candidates, raw.rec_items, searches)


def test_scores_equal_those_in_process(client: RankingClient, raw_requests, expected):
    scored = client.score([client_request(raw) for raw in raw_requests], batch_size=20)
    assert client.served_version == 1
    for raw, row, logits in zip(raw_requests, scored, expected, strict=True):
        assert tuple(candidate.candidate for candidate in row) == raw.candidates
        np.testing.assert_allclose([c.score for c in row], logits, atol=TOLERANCE)
        np.testing.assert_allclose(
            [c.probability for c in row], 1 / (1 + np.exp(-logits)), atol=TOLERANCE
        )


def test_batch_mates_do_not_matter(client: RankingClient, raw_requests, expected):
    for place in (0, 20, len(raw_requests) - 2, len(raw_requests) - 1):
        (row,) = client.score([client_request(raw_requests[place])])
        np.testing.assert_allclose([c.score for c in row], expected[place], atol=TOLERANCE)


def test_ranking_is_by_falling_score(client: RankingClient, raw_requests, expected):
    raw, logits = raw_requests[3], expected[3]
    request = client_request(raw)
    ranking = client.rank(raw.user, request.rec_items, request.searches, request.candidates)
    order = np.argsort(-logits, kind="stable")
    assert [c.candidate for c in ranking] == [raw.candidates[k] for k in order]


def test_examples_signature(address: str, raw_requests, expected):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sesrec"
    request.model_spec.signature_name = "examples"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto(serialized(raw_requests)))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(request, timeout=60)
    scores = tf.make_ndarray(response.outputs["scores"])
    for row, logits in zip(scores, expected, strict=True):
        np.testing.assert_allclose(row[: len(logits)], logits, atol=TOLERANCE)


@pytest.mark.parametrize(
    ("signature", "inputs", "message"),
    [
        (
            "serving_default",
            {
                "user": ["u1"],
                "rec_items": [["i1"] * 7],
                "queries": [[""] * 4],
                "query_sources": [[""] * 4],
                "clicked_items": [[["", ""]] * 4],
                "candidates": [["i1"]],
            },
            "`rec_items` should have the shape [batch, 6]",
        ),
        ("examples", {"examples": ["no message"]}, "Could not parse example input"),
    ],
)
def test_a_bad_request_is_the_client_s_fault(address: str, signature, inputs, message):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sesrec"
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Predict(request, timeout=60)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.details()
