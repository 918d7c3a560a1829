"""What both clients send and make of the answers, against a real gRPC server."""

from __future__ import annotations

import threading

import grpc
import pytest

from serving.client.answer_tensors import answer_array
from serving.client.example_message import serialized_example
from serving.client.explanation import InterestWeights
from serving.client.model_metadata import TensorMetadata
from serving.client.ranking_client import RankingClient
from serving.client.request_tensors import string_tensor
from serving.client.serving_error import ServingError
from serving.client.version_status import VersionStatus
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import HistoryShape
from tests.serving.client.client_kinds import CLIENT_KINDS
from tests.serving.client.scripted_server import CATALOGUE, ScriptedServer, score_of

SEARCHES = (Search("old"), Search("q1", "s", ("k1",)), Search("q2"), Search("q3"))
ITEMS = ("i0", "i1", "i2", "i3", "i4")


@pytest.fixture
def server():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(params=CLIENT_KINDS)
def make(request):
    return CLIENT_KINDS[request.param]


@pytest.fixture
def client(make, server):
    with make(server.address, timeout=20) as made:
        yield made


def ranked(user, candidates):
    return sorted(candidates, key=lambda candidate: -score_of(user, candidate))


def test_rank(client):
    ranking = client.rank("u", ITEMS, SEARCHES, ["a", "b", "c"])
    assert [row.candidate for row in ranking] == ranked("u", ["a", "b", "c"])
    assert [row.score for row in ranking] == [
        pytest.approx(score_of("u", row.candidate)) for row in ranking
    ]
    assert client.served_version == 7


def test_signatures_are_read_once_and_the_channel_is_kept(client, server):
    for _ in range(3):
        client.rank("u", (), (), ["a"])
    client.explain("u", (), (), ["a"])
    client.recommend("u", (), ())
    assert server.methods() == ["GetModelMetadata", *["Predict"] * 5]
    names = [spec.signature_name for _, spec in server.calls[1:]]
    assert names == [*["serving_default"] * 3, "explain", "recommend"]


def test_score_in_batches(client, server):
    requests = [RankingRequest(f"u{n}", tuple("abc"[: 1 + n % 3])) for n in range(5)]
    scored = client.score(requests, batch_size=2)
    assert server.methods().count("Predict") == 3
    for request, row in zip(requests, scored, strict=True):
        assert tuple(item.candidate for item in row) == request.candidates
        assert [item.score for item in row] == [
            pytest.approx(score_of(request.user, candidate)) for candidate in request.candidates
        ]


def test_columns_of_a_batcher_are_cut_off(client, server):
    server.extra_columns = 3
    (row,) = client.score([RankingRequest("u", ("a", "b"))])
    assert [item.score for item in row] == [pytest.approx(score_of("u", c)) for c in "ab"]
    assert len(client.explain("u", (), (), ["a", "b"]).candidates) == 2
    assert {row.item for row in client.recommend("u", (), ())} == set(CATALOGUE)


def test_explain(client):
    explanation = client.explain("u", ITEMS, SEARCHES[:2], ["b", "a"])
    assert [row.candidate for row in explanation.candidates] == ["b", "a"]
    # The model sees the latest 4 of 5 items; the oldest of them is the history's second.
    assert [(event.position, event.event) for event in explanation.rec_events] == [
        (1, "i1"),
        (2, "i2"),
        (3, "i3"),
        (4, "i4"),
    ]
    assert [event.weight for event in explanation.rec_events] == [0.25] * 4
    assert [event.similar for event in explanation.rec_events] == [True, False, True, True]
    assert [event.dissimilar for event in explanation.rec_events] == [False, True, True, True]
    assert explanation.rec_events[2].interests == InterestWeights(2.125, 2.25, 2.5)
    # Two of three places: padding is no event.
    assert [(event.position, event.event) for event in explanation.search_events] == [
        (0, SEARCHES[0]),
        (1, SEARCHES[1]),
    ]


def test_recommend_leaves_out_what_stands_for_no_item(client):
    best = client.recommend("u", ["p1"], [Search("q", "", ("p4",))])
    assert [row.item for row in best] == ranked("u", ["p2", "größe"])
    assert best[0].probability > 0


def test_status(client):
    assert client.status() == [
        VersionStatus(6, "END", 2, "[no] memory"),
        VersionStatus(7, "AVAILABLE", 0, ""),
    ]


def test_metadata(client, server):
    metadata = client.metadata()
    assert metadata.version == client.served_version == 7
    assert list(metadata.signatures) == ["examples", "explain", "recommend", "serving_default"]
    signature = metadata.signatures["serving_default"]
    assert signature.inputs["clicked_items"] == TensorMetadata("string", (None, 3, 2))
    assert signature.outputs["scores"] == TensorMetadata("float32", (None, None))
    client.rank("u", (), (), ["a"])
    assert server.methods().count("GetModelMetadata") == 1


@pytest.mark.parametrize("method", ["explain", "recommend"])
def test_signature_that_the_model_lacks(client, server, method):
    server.signatures = ["serving_default"]
    arguments = ("u", (), (), ["a"]) if method == "explain" else ("u", (), ())
    with pytest.raises(ServingError, match=f"has no signature {method}, only serving_default") as e:
        getattr(client, method)(*arguments)
    assert e.value.code == grpc.StatusCode.FAILED_PRECONDITION
    assert client.rank("u", (), (), ["a"])


def test_model_of_another_kind(client, server, monkeypatch):
    monkeypatch.setattr(server, "_inputs", lambda name: {"pixels": (28, 28)})
    with pytest.raises(ServingError, match=r"no ranking model.*Received: pixels") as caught:
        client.rank("u", (), (), ["a"])
    assert caught.value.code == grpc.StatusCode.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        ({"scores": [[float("nan")]]}, "output scores holds NaN; the model is damaged"),
        ({"probabilities": [[1.0], [2.0]]}, "output probabilities: expected float32 of shape"),
        ({"scores": [[1]]}, "output scores: expected float32.*received int32"),
    ],
)
def test_unusable_answer(client, server, monkeypatch, damage, message):
    answer = server._answer
    monkeypatch.setattr(server, "_answer", lambda *given: {**answer(*given), **damage})
    with pytest.raises(ServingError, match=message):
        client.rank("u", (), (), ["a"])


def test_signatures_that_cannot_be_read(make):
    class Damaged(ScriptedServer):
        def GetModelMetadata(self, request, context):  # noqa: N802
            response = super().GetModelMetadata(request, context)
            response.metadata["signature_def"].value = b"\xff"
            return response

    with (
        Damaged() as server,
        make(server.address, timeout=20) as client,
        pytest.raises(ServingError, match="the signatures cannot be read"),
    ):
        client.rank("u", (), (), ["a"])


def test_predict_sends_what_it_is_given(client, server):
    example = serialized_example(RankingRequest("u", ("a", "größe"), ("i1",), SEARCHES))
    outputs = client.predict("examples", {"examples": string_tensor([example], (1,))}, ["scores"])
    assert list(outputs) == ["scores"]
    scores = answer_array(outputs["scores"], "float32", (1, 2))
    assert scores[0].tolist() == [pytest.approx(score_of("u", c)) for c in ("a", "größe")]
    with pytest.raises(ServingError, match="Missing but required") as caught:
        client.predict("recommend", {})
    assert caught.value.input == "clicked_items"
    assert server.methods() == ["Predict", "Predict"]


def test_version_and_label_are_sent(make, server):
    with make(server.address, "other", version=7) as client:
        client.rank("u", (), (), ["a"])
        client.status()
    with make(server.address, version_label="canary") as client:
        client.rank("u", (), (), ["a"])
    specs = [spec for _, spec in server.calls]
    assert [(spec.name, spec.version.value) for spec in specs[:3]] == [("other", 7)] * 3
    assert [(spec.WhichOneof("version_choice"), spec.version_label) for spec in specs[3:]] == [
        ("version_label", "canary")
    ] * 2


def wider(server):
    server.shape, server.version = HistoryShape(5, 2, 5, 1), 8


def test_widths_are_read_again_when_another_version_has_answered(client, server):
    client.rank("u", (), (), ["a"])
    server.version = 8
    client.rank("u", (), (), ["a"])
    assert client.served_version == 8
    server.calls.clear()
    client.rank("u", (), (), ["a"])
    assert server.methods() == ["GetModelMetadata", "Predict"]


@pytest.mark.parametrize("read_before", [True, False])
def test_hot_swap_that_changes_the_widths(client, server, read_before):
    if read_before:
        client.rank("u", (), (), ["a"])
    server.calls.clear()
    # The server refuses the widths of the version it served when they were read.
    server.before_predict = lambda: wider(server)
    explanation = client.explain("u", ITEMS, SEARCHES, ["a"])
    reads = ["GetModelMetadata"]
    assert server.methods() == [
        *([] if read_before else reads),
        *("Predict", "GetModelMetadata", "Predict"),
    ]
    assert len(explanation.rec_events) == 5
    assert len(explanation.search_events) == 2
    assert client.served_version == 8


def test_a_refusal_without_a_change_is_not_sent_again(client, server):
    client.rank("u", (), (), ["a"])
    server.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "`rec_items` should be kinder"))
    with pytest.raises(ServingError, match="`rec_items` should be kinder") as caught:
        client.rank("u", (), (), ["a"])
    assert caught.value.input == "rec_items"
    assert server.methods().count("Predict") == 2


def test_a_second_refusal_is_final(client, server):
    client.rank("u", (), (), ["a"])
    wider(server)
    server.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "first"))
    server.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "second"))
    with pytest.raises(ServingError, match="second"):
        client.rank("u", (), (), ["a"])
    assert server.methods().count("Predict") == 3


def test_arguments_out_of_range(client):
    with pytest.raises(InputError, match="`batch_size` should be positive"):
        client.score([RankingRequest("u", ("a",))], batch_size=0)
    with pytest.raises(InputError, match="`timeout` should be positive"):
        client.status(timeout=-1)
    with pytest.raises(InputError, match=r"`requests\[1\]` should be a RankingRequest"):
        client.score([RankingRequest("u", ("a",)), {"user": "u", "candidates": ["a"]}])
    with pytest.raises(InputError, match=r"`candidates\[1\]`"):
        client.rank("u", (), (), ["a", "b c"])


def test_threads_share_a_blocking_client(server):
    results = []
    with RankingClient(server.address, timeout=20) as client:
        threads = [
            threading.Thread(target=lambda: results.append(client.rank("u", (), (), ["a", "b"])))
            for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(results) == 8
    assert all(result == results[0] for result in results)
