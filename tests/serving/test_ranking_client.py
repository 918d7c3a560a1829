"""The client against a real server, compared with the signature called in process."""

from __future__ import annotations

import shutil
import threading

import grpc
import keras
import pytest
import tensorflow as tf

from serving.development_server import DevelopmentServer
from serving.model_manager import ModelManager
from serving.ranking_client import RankingClient
from serving.ranking_request import RankingRequest, Search
from serving.serving_error import ServingError
from sesrec_tf.errors import InputError

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


def test_threads_share_a_client(client):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(client.score([LONG]))) for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8
    assert all(result == results[0] for result in results)


def test_signature_is_read_again_after_a_new_version(exported, tmp_path):
    base = tmp_path / "base"
    shutil.copytree(exported, base / "1")
    manager = ModelManager("sesrec", base)
    manager.load_latest()
    with DevelopmentServer() as server, RankingClient(server.address, timeout=20) as client:
        server.start(manager)
        client.score([LONG])
        assert client.served_version == 1
        shutil.copytree(exported, base / "2")
        newer = ModelManager("sesrec", base)
        newer.load_latest()
        manager._servables.update(newer._servables)
        client.score([LONG])
        assert (client.served_version, client._signature) == (2, None)
        client.score([LONG])
        assert client._signature is not None


def test_unreachable_server():
    with DevelopmentServer() as stopped:
        address = stopped.address
    with (
        RankingClient(address, timeout=5) as client,
        pytest.raises(ServingError, match="Is a server listening there") as caught,
    ):
        client.score([EMPTY])
    assert caught.value.code == grpc.StatusCode.UNAVAILABLE
    assert caught.value.target == address


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


def test_settings_out_of_range(client):
    with pytest.raises(InputError, match="`timeout` should be positive"):
        RankingClient("127.0.0.1:1", timeout=0)
    with pytest.raises(InputError, match="`batch_size` should be positive"):
        client.score([EMPTY], batch_size=0)


def test_model_of_another_kind(tmp_path):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.export(str(tmp_path / "base" / "1"), verbose=False)
    manager = ModelManager("sesrec", tmp_path / "base")
    manager.load_latest()
    with DevelopmentServer() as server, RankingClient(server.address, timeout=20) as client:
        server.start(manager)
        with pytest.raises(ServingError, match="no ranking model"):
            client.score([EMPTY])
