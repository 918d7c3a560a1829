"""Requests are checked before anything is sent."""

from __future__ import annotations

import contextlib
import pickle
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search


def test_sequences_become_tuples():
    request = RankingRequest("u", ["a"], ["b"], [Search("red shoes", clicked_items=["c"])])
    assert request == RankingRequest("u", ("a",), ("b",), (Search("red shoes", "", ("c",)),))


@pytest.mark.parametrize("item", ["007", "NA", "null", "é", "|", "x" * 300])
def test_ids_are_verbatim(item):
    assert RankingRequest(item, (item,)).candidates == (item,)


@pytest.mark.parametrize("item", ["", " ", "a b", "a\t", "\u00a0a", 7, None])
@pytest.mark.parametrize("field", ["user", "candidates", "rec_items", "clicked_items"])
def test_what_is_no_id(item, field):
    make = Search if field == "clicked_items" else RankingRequest
    values = {"query": "q"} if make is Search else {"user": "u", "candidates": ("a",)}
    values[field] = item if field == "user" else ("fine", item)
    place = field if field == "user" else f"{field}[1]"
    with pytest.raises(RequestError, match=re.escape(f"`{place}`")) as caught:
        make(**values)
    assert caught.value.input == place


def test_lone_surrogate():
    with pytest.raises(InputError, match="valid Unicode"):
        RankingRequest("u", ("\udcff",))


def test_ids_given_as_one_string():
    with pytest.raises(InputError, match="list of ids"):
        RankingRequest("u", "abc")


def test_no_candidates():
    with pytest.raises(InputError, match="at least one item id"):
        RankingRequest("u", ())


@pytest.mark.parametrize("query", ["", "  ", 3])
def test_search_without_words(query):
    with pytest.raises(InputError, match="`query`"):
        Search(query)


def test_from_dict():
    values = {
        "user": "u",
        "candidates": ["a", "b"],
        "searches": [{"query": "q w", "clicked_items": ["c"]}, {"query": "r", "source": "s"}],
    }
    assert RankingRequest.from_dict(values) == RankingRequest(
        "u", ("a", "b"), (), (Search("q w", "", ("c",)), Search("r", "s"))
    )


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "should be an object"),
        ({"user": "u"}, "Missing: candidates"),
        ({"user": "u", "candidates": ["a"], "items": []}, "unknown: items"),
        ({"user": 5, "candidates": ["a"]}, "`user` should be a string"),
        ({"user": "u", "candidates": "a"}, "list of ids"),
        ({"user": "u", "candidates": ["a"], "rec_items": None}, "`rec_items`"),
        ({"user": "u", "candidates": ["a"], "searches": "q"}, "`searches` should be a list"),
        (
            {"user": "u", "candidates": ["a"], "searches": ["q"]},
            r"`searches\[0\]` is unusable: a search should be an object",
        ),
        ({"user": "u", "candidates": ["a"], "searches": [{"source": "s"}]}, "Missing: query"),
        (
            {
                "user": "u",
                "candidates": ["a"],
                "searches": [{"query": "q"}, {"query": "q", "clicked_items": ["a", "b", ""]}],
            },
            r"`searches\[1\]\.clicked_items\[2\]` should be an id",
        ),
    ],
)
def test_from_dict_refusals(values, message):
    with pytest.raises(InputError, match=message):
        RankingRequest.from_dict(values)


SCALARS = st.none() | st.booleans() | st.integers() | st.text(max_size=3)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["user", "candidates", "rec_items", "searches", "query", "clicked_items", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(JSON, st.dictionaries(st.sampled_from(["rec_items", "searches", "candidates"]), JSON))
def test_any_json_is_a_request_or_refused(values, changes):
    for content in (values, {"user": "u", "candidates": ["a"], **changes}):
        for kind in (RankingRequest, RecommendationRequest):
            with contextlib.suppress(InputError):
                kind.from_dict(content)


def test_searches_of_another_kind():
    with pytest.raises(RequestError, match=r"`searches\[1\]` should be a Search"):
        RecommendationRequest("u", (), (Search("q"), {"query": "q"}))


def test_without_candidates():
    values = {"user": "u", "rec_items": ["a"], "searches": [{"query": "q"}]}
    assert RecommendationRequest.from_dict(values) == RecommendationRequest(
        "u", ("a",), (Search("q"),)
    )
    with pytest.raises(InputError, match="unknown: candidates"):
        RecommendationRequest.from_dict({"user": "u", "candidates": ["a"]})


def test_error_of_a_place_within_another():
    error = RequestError("user", "is wrong.").within("[3]").within("requests")
    assert (str(error), error.input) == ("`requests[3].user` is wrong.", "requests[3].user")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.input) == (str(error), error.input)
