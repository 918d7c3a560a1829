"""Requests are checked before anything is sent."""

from __future__ import annotations

import pytest

from serving.ranking_request import RankingRequest, Search
from sesrec_tf.errors import InputError


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
    values[field] = item if field == "user" else (item,)
    with pytest.raises(InputError, match=f"`{field}`"):
        make(**values)


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
        ({"user": 5, "candidates": ["a"]}, "`user` should hold strings"),
        ({"user": "u", "candidates": "a"}, "list of ids"),
        ({"user": "u", "candidates": ["a"], "rec_items": None}, "`rec_items`"),
        ({"user": "u", "candidates": ["a"], "searches": "q"}, "`searches` should be a list"),
        ({"user": "u", "candidates": ["a"], "searches": ["q"]}, "a search should be an object"),
        ({"user": "u", "candidates": ["a"], "searches": [{"source": "s"}]}, "Missing: query"),
    ],
)
def test_from_dict_refusals(values, message):
    with pytest.raises(InputError, match=message):
        RankingRequest.from_dict(values)
