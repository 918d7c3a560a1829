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
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import HistoryShape
from tests.serving.client.scripted_server import CATALOGUE, ScriptedServer, score_of

SEARCHES = (Search("old"), Search("q1", "s", ("k1",)), Search("q2"), Search("q3"))
ITEMS = ("i0", "i1", "i2", "i3", "i4")


def ranked(user, candidates):
    return sorted(candidates, key=lambda candidate: -score_of(user, candidate))


def test_rank(client):
    ranking = client.rank("u", ITEMS, SEARCHES, ["a", "b", "c"])
    assert [row.candidate for row in ranking] == ranked("u", ["a", "b", "c"])
    assert [row.score for row in ranking] == [
        pytest.approx(score_of("u", row.candidate)) for row in ranking
    ]
    assert client.served_version == 7


def test_signatures_are_read_once_and_the_channel_is_kept(client, scripted):
    for _ in range(3):
        client.rank("u", (), (), ["a"])
    client.explain("u", (), (), ["a"])
    client.recommend("u", (), ())
    assert scripted.methods() == ["GetModelMetadata", *["Predict"] * 5]
    names = [spec.signature_name for _, spec in scripted.calls[1:]]
    assert names == [*["serving_default"] * 3, "explain", "recommend"]


def test_score_in_batches(client, scripted):
    requests = [RankingRequest(f"u{n}", tuple("abc"[: 1 + n % 3])) for n in range(5)]
    scored = client.score(requests, batch_size=2)
    assert scripted.methods().count("Predict") == 3
    for request, row in zip(requests, scored, strict=True):
        assert tuple(item.candidate for item in row) == request.candidates
        assert [item.score for item in row] == [
            pytest.approx(score_of(request.user, candidate)) for candidate in request.candidates
        ]


def test_columns_of_a_batcher_are_cut_off(client, scripted):
    scripted.extra_columns = 3
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
    # Weights 1 to 4: of all 3/10, of similar 3/(1+3+4), of dissimilar 3/(2+3+4).
    assert explanation.rec_events[2].interests == pytest.approx((0.3, 0.375, 1 / 3))
    assert isinstance(explanation.rec_events[2].interests, InterestWeights)
    # Two of three places: padding is no event.
    assert [(event.position, event.event) for event in explanation.search_events] == [
        (0, SEARCHES[0]),
        (1, SEARCHES[1]),
    ]


def test_recommend_leaves_out_what_stands_for_no_item(client):
    best = client.recommend("u", ["p1"], [Search("q", "", ("p4",))])
    assert [row.item for row in best] == ranked("u", ["p2", "größe"])
    assert best[0].probability > 0


def test_recommend_knows_more_of_the_history_than_the_model(client):
    # The model sees the last 4 items, the last 3 searches and 2 clicks of each.
    clicks = Search("q", "", ("x", "y", "p2"))
    history = [Search("q", "", ("p4",)), clicks, Search("q"), Search("q")]
    best = client.recommend("u", ["p1", *ITEMS], history)
    assert [row.item for row in best] == ["größe"]
    assert client.recommend("u", ["p1", "größe", *ITEMS], history) == []


@pytest.mark.parametrize("value", ["abc", None, 7, b"abc", {"a"}])
@pytest.mark.parametrize("name", ["rec_items", "searches", "candidates"])
def test_what_is_no_list(client, scripted, name, value):
    given = {"user": "u", "rec_items": [], "searches": [], "candidates": ["a"], name: value}
    for method in ("rank", "explain"):
        with pytest.raises(RequestError, match=rf"`{name}` should be a list of") as caught:
            getattr(client, method)(**given)
        assert caught.value.input == name
    if name != "candidates":
        del given["candidates"]
        with pytest.raises(RequestError, match=rf"`{name}` should be a list of"):
            client.recommend(**given)
    assert scripted.calls == []


@pytest.mark.parametrize("value", ["abc", None, RankingRequest("u", ("a",))])
def test_requests_that_are_no_list(client, value):
    with pytest.raises(RequestError, match="`requests` should be a list of requests"):
        client.score(value)


def test_status(client):
    assert client.status() == [
        VersionStatus(6, "END", 2, "[no] memory"),
        VersionStatus(7, "AVAILABLE", 0, ""),
    ]


def test_metadata(client, scripted):
    metadata = client.metadata()
    assert metadata.version == client.served_version == 7
    assert list(metadata.signatures) == ["examples", "explain", "recommend", "serving_default"]
    signature = metadata.signatures["serving_default"]
    assert signature.inputs["clicked_items"] == TensorMetadata("string", (None, 3, 2))
    assert signature.outputs["scores"] == TensorMetadata("float32", (None, None))
    client.rank("u", (), (), ["a"])
    assert scripted.methods().count("GetModelMetadata") == 1


@pytest.mark.parametrize("method", ["explain", "recommend"])
def test_signature_that_the_model_lacks(client, scripted, method):
    scripted.signatures = ["serving_default"]
    arguments = ("u", (), (), ["a"]) if method == "explain" else ("u", (), ())
    with pytest.raises(ServingError, match=f"has no signature {method}, only serving_default") as e:
        getattr(client, method)(*arguments)
    assert e.value.code == grpc.StatusCode.FAILED_PRECONDITION
    assert client.rank("u", (), (), ["a"])


def test_model_of_another_kind(client, scripted, monkeypatch):
    monkeypatch.setattr(scripted, "_inputs", lambda name: {"pixels": (28, 28)})
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
def test_unusable_answer(client, scripted, monkeypatch, damage, message):
    answer = scripted._answer
    monkeypatch.setattr(scripted, "_answer", lambda *given: {**answer(*given), **damage})
    with pytest.raises(ServingError, match=message):
        client.rank("u", (), (), ["a"])


def test_signatures_that_cannot_be_read(make):
    class Damaged(ScriptedServer):
        def GetModelMetadata(self, request, context):  # noqa: N802
            response = super().GetModelMetadata(request, context)
            response.metadata["signature_def"].value = b"\xff"
            return response

    with (
        Damaged() as scripted,
        make(scripted.address, timeout=20) as client,
        pytest.raises(ServingError, match="the signatures cannot be read"),
    ):
        client.rank("u", (), (), ["a"])


def test_predict_sends_what_it_is_given(client, scripted):
    example = serialized_example(RankingRequest("u", ("a", "größe"), ("i1",), SEARCHES))
    outputs = client.predict("examples", {"examples": string_tensor([example], (1,))}, ["scores"])
    assert list(outputs) == ["scores"]
    scores = answer_array(outputs["scores"], "float32", (1, 2))
    assert scores[0].tolist() == [pytest.approx(score_of("u", c)) for c in ("a", "größe")]
    with pytest.raises(ServingError, match="Missing but required") as caught:
        client.predict("recommend", {})
    assert caught.value.input == "clicked_items"
    assert scripted.methods() == ["Predict", "Predict"]


def test_version_and_label_are_sent(make, scripted):
    with make(scripted.address, "other", version=7) as client:
        client.rank("u", (), (), ["a"])
        client.status()
    with make(scripted.address, version_label="canary") as client:
        client.rank("u", (), (), ["a"])
    specs = [spec for _, spec in scripted.calls]
    assert [(spec.name, spec.version.value) for spec in specs[:3]] == [("other", 7)] * 3
    assert [(spec.WhichOneof("version_choice"), spec.version_label) for spec in specs[3:]] == [
        ("version_label", "canary")
    ] * 2


def wider(scripted):
    scripted.shape, scripted.version = HistoryShape(5, 2, 5, 1), 8


def test_widths_are_read_again_when_another_version_has_answered(client, scripted):
    client.rank("u", (), (), ["a"])
    scripted.version = 8
    client.rank("u", (), (), ["a"])
    assert client.served_version == 8
    scripted.calls.clear()
    client.rank("u", (), (), ["a"])
    assert scripted.methods() == ["GetModelMetadata", "Predict"]


@pytest.mark.parametrize("read_before", [True, False])
def test_hot_swap_that_changes_the_widths(client, scripted, read_before):
    if read_before:
        client.rank("u", (), (), ["a"])
    scripted.calls.clear()
    # The server refuses the widths of the version it served when they were read.
    scripted.before_predict = lambda: wider(scripted)
    explanation = client.explain("u", ITEMS, SEARCHES, ["a"])
    reads = ["GetModelMetadata"]
    assert scripted.methods() == [
        *([] if read_before else reads),
        *("Predict", "GetModelMetadata", "Predict"),
    ]
    assert len(explanation.rec_events) == 5
    assert len(explanation.search_events) == 2
    assert client.served_version == 8


def test_a_refusal_without_a_change_is_not_sent_again(client, scripted):
    client.rank("u", (), (), ["a"])
    scripted.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "`rec_items` should be kinder"))
    with pytest.raises(ServingError, match="`rec_items` should be kinder") as caught:
        client.rank("u", (), (), ["a"])
    assert caught.value.input == "rec_items"
    assert scripted.methods().count("Predict") == 2


def test_a_second_refusal_is_final(client, scripted):
    client.rank("u", (), (), ["a"])
    wider(scripted)
    scripted.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "first"))
    scripted.failures.append((grpc.StatusCode.INVALID_ARGUMENT, "second"))
    with pytest.raises(ServingError, match="second"):
        client.rank("u", (), (), ["a"])
    assert scripted.methods().count("Predict") == 3


def test_arguments_out_of_range(client):
    with pytest.raises(InputError, match="`batch_size` should be an integer"):
        client.score([RankingRequest("u", ("a",))], batch_size=0)
    with pytest.raises(InputError, match="`timeout` should be positive"):
        client.status(timeout=-1)
    with pytest.raises(InputError, match=r"`requests\[1\]` should be a RankingRequest"):
        client.score([RankingRequest("u", ("a",)), {"user": "u", "candidates": ["a"]}])
    with pytest.raises(InputError, match=r"`candidates\[1\]`"):
        client.rank("u", (), (), ["a", "b c"])


def test_threads_share_a_blocking_client(scripted):
    results = []
    with RankingClient(scripted.address, timeout=20) as client:
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
