"""The client against a served SavedModel, compared with the signature called in process."""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf

from serving.client.ranking_client import RankingClient
from serving.client.serving_error import ServingError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search

SEARCHES = (
    Search("too old"),
    Search("red shoes", "typed", ("k1", "k2", "k3")),
    Search("never seen ☃", "", ("k4",)),
    Search("boots", "suggested"),
)
LONG = RankingRequest("u1", ("a", "b", "c"), ("i0", "i1", "i2", "i3", "i4"), SEARCHES)
EMPTY = RankingRequest("u2", ("b",))


@pytest.fixture
def client(server):
    with RankingClient(server.address, timeout=20) as open_client:
        yield open_client


@pytest.fixture(scope="module")
def expected(exported):
    """Scores of LONG and EMPTY with histories of 4, 3 searches and 2 clicks padded by hand."""
    outputs = tf.saved_model.load(str(exported)).signatures["serving_default"](
        user=tf.constant(["u1", "u2"]),
        rec_items=tf.constant([["i1", "i2", "i3", "i4"], ["", "", "", ""]]),
        queries=tf.constant([["red shoes", "never seen ☃", "boots"], ["", "", ""]]),
        query_sources=tf.constant([["typed", "", "suggested"], ["", "", ""]]),
        clicked_items=tf.constant(
            [[["k1", "k2"], ["k4", ""], ["", ""]], [["", ""], ["", ""], ["", ""]]]
        ),
        candidates=tf.constant([["a", "b", "c"], ["b", "", ""]]),
    )
    return {name: value.numpy().tolist() for name, value in outputs.items()}


def test_scores_of_a_batch_keep_the_given_order(client, expected):
    long, empty = client.score([LONG, EMPTY])
    assert [row.candidate for row in long] == ["a", "b", "c"]
    assert [row.score for row in long] == pytest.approx(expected["scores"][0], abs=1e-5)
    assert [row.probability for row in long] == pytest.approx(
        expected["probabilities"][0], abs=1e-5
    )
    (only,) = empty
    assert only == ("b", pytest.approx(expected["scores"][1][0]), pytest.approx(only.probability))
    assert client.served_version == 10


@pytest.mark.parametrize("batch_size", [1, 2])
def test_small_batches_score_the_same(client, batch_size):
    requests = [LONG, EMPTY, LONG]
    together = client.score(requests)
    for apart, expected_row in zip(client.score(requests, batch_size), together, strict=True):
        for row, expected_candidate in zip(apart, expected_row, strict=True):
            assert row == (
                expected_candidate.candidate,
                pytest.approx(expected_candidate.score, abs=1e-5),
                pytest.approx(expected_candidate.probability, abs=1e-5),
            )


def test_no_requests_need_no_server():
    with RankingClient("127.0.0.1:1") as client:
        assert client.score([]) == []


def test_rank_sorts_and_keeps_duplicates(client, expected):
    ranking = client.rank(LONG.user, LONG.rec_items, LONG.searches, ["a", "b", "c", "a"])
    scores = dict(zip("abc", expected["scores"][0], strict=True))
    assert [row.candidate for row in ranking] == sorted("aabc", key=lambda c: -scores[c])
    assert [row.score for row in ranking] == sorted((row.score for row in ranking), reverse=True)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model_name": "other"}, r"NOT_FOUND: Servable not found for request: Latest\(other\)"),
        ({"version": 9}, r"NOT_FOUND: Servable not found for request: Specific\(sesrec, 9\)"),
    ],
)
def test_unknown_model_or_version(server, settings, message):
    with (
        RankingClient(server.address, timeout=20, **settings) as client,
        pytest.raises(ServingError, match=message),
    ):
        client.score([EMPTY])


def test_version_by_number(server):
    with RankingClient(f"grpc://{server.address}", version=10, timeout=20) as client:
        assert client.score([EMPTY])


def test_oversized_batch(client):
    big = RankingRequest("u", tuple(f"{'x' * 1000}{i}" for i in range(2000)))
    with pytest.raises(ServingError, match=r"RESOURCE_EXHAUSTED.*fewer") as caught:
        client.score([big])
    assert caught.value.code == grpc.StatusCode.RESOURCE_EXHAUSTED
    assert client.score([EMPTY])
