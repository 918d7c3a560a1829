"""Padding and truncation of requests."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from serving.client.ranking_signature import RankingSignature
from serving.client.request_tensors import history_tensors, request_tensors
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search

WIDTHS = RankingSignature(rec_length=3, search_length=2, clicks=2, candidates=None)
FREE = RankingSignature(rec_length=None, search_length=None, clicks=None, candidates=None)


def arrays(requests, signature=WIDTHS):
    """What a server decodes from the bytes of each tensor."""
    return {
        name: np.vectorize(bytes.decode, otypes=[object])(
            tf.make_ndarray(tensor_pb2.TensorProto.FromString(tensor.SerializeToString()))
        )
        for name, tensor in request_tensors(requests, signature).items()
    }


def test_padding_and_truncation_by_hand():
    long = RankingRequest(
        "u1",
        ("c1", "c2"),
        ("i1", "i2", "i3", "i4"),
        (Search("q1"), Search("q2", "s2", ("k1", "k2", "k3")), Search("q3", "s3", ("k4",))),
    )
    short = RankingRequest("u2", ("c3",), ("i5",))
    received = {name: value.tolist() for name, value in arrays([long, short]).items()}
    assert received == {
        "user": ["u1", "u2"],
        # The latest 3 of 4 events; the earlier one is dropped.
        "rec_items": [["i2", "i3", "i4"], ["i5", "", ""]],
        "queries": [["q2", "q3"], ["", ""]],
        "query_sources": [["s2", "s3"], ["", ""]],
        # The first 2 of 3 clicks.
        "clicked_items": [[["k1", "k2"], ["k4", ""]], [["", ""], ["", ""]]],
        "candidates": [["c1", "c2"], ["c3", ""]],
    }


def test_free_widths_are_those_of_the_batch():
    requests = [
        RankingRequest("u1", ("c1",), ("i1", "i2"), (Search("q1", "", ("k1",)),)),
        RankingRequest("u2", ("c2",)),
    ]
    shapes = {name: value.shape for name, value in arrays(requests, FREE).items()}
    assert shapes == {
        "user": (2,),
        "rec_items": (2, 2),
        "queries": (2, 1),
        "query_sources": (2, 1),
        "clicked_items": (2, 1, 1),
        "candidates": (2, 1),
    }


def test_free_widths_without_history():
    shapes = {name: v.shape for name, v in arrays([RankingRequest("u", ("c",))], FREE).items()}
    assert shapes["rec_items"] == (1, 0)
    assert shapes["clicked_items"] == (1, 0, 0)


def test_more_candidates_than_a_fixed_width():
    signature = RankingSignature(3, 2, 2, candidates=2)
    assert arrays([RankingRequest("u", ("a",))], signature)["candidates"].tolist() == [["a", ""]]
    requests = [RankingRequest("u", ("a",)), RankingRequest("u", ("a", "b", "c"))]
    with pytest.raises(RequestError, match=r"at most 2 ids.*Received: 3") as caught:
        request_tensors(requests, signature, first=10)
    # The second of a batch that begins with the caller's request 10.
    assert caught.value.input == "requests[11].candidates"


def test_without_candidates():
    request = RankingRequest("u", ("a",), ("i1",), (Search("q", "s", ("k",)),))
    ranking = request_tensors([request], WIDTHS)
    del ranking["candidates"]
    asked = RecommendationRequest(request.user, request.rec_items, request.searches)
    assert history_tensors([asked], WIDTHS) == ranking


IDS = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=3)
SEARCHES = st.builds(
    Search,
    IDS,
    st.sampled_from(["", "typed"]),
    st.lists(IDS, max_size=4).map(tuple),
)
REQUESTS = st.builds(
    RankingRequest,
    IDS,
    st.lists(IDS, min_size=1, max_size=4).map(tuple),
    st.lists(IDS, max_size=6).map(tuple),
    st.lists(SEARCHES, max_size=4).map(tuple),
)


@settings(deadline=None, max_examples=40)
@given(st.lists(REQUESTS, min_size=1, max_size=3))
def test_events_are_the_latest_left_aligned_and_in_order(requests):
    received = arrays(requests)
    for row, request in enumerate(requests):
        items = [item for item in received["rec_items"][row] if item]
        assert items == list(request.rec_items[-3:])
        assert list(received["rec_items"][row][: len(items)]) == items
        searches = request.searches[-2:]
        for position, search in enumerate(searches):
            assert received["queries"][row][position] == search.query
            assert received["query_sources"][row][position] == search.source
            clicks = received["clicked_items"][row][position]
            assert [click for click in clicks if click] == list(search.clicked_items[:2])
        assert not any(received["queries"][row][len(searches) :])
        assert not received["clicked_items"][row][len(searches) :].any()
        candidates = received["candidates"][row]
        assert tuple(candidates[: len(request.candidates)]) == request.candidates
        assert not any(candidates[len(request.candidates) :])
