from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.prepared_events import PreparedEvents, SearchEvents
from sesrec_tf.data.search_origins import ORIGINS, SearchOrigins
from sesrec_tf.errors import InputError


def searches(names: list[str]) -> SearchEvents:
    """Sessions with nothing but sources."""
    sources, source = np.unique(np.array(names, str), return_inverse=True)
    none = np.zeros(0, np.int64)
    empty = {field.name: none for field in dataclasses.fields(SearchEvents)}
    return SearchEvents(**{**empty, "source": source, "sources": tuple(sources.tolist())})


def test_names_are_compared_as_they_are() -> None:
    names = ["typed", "USER_INPUT", "Typed", "user_input", ""]
    summary = SearchOrigins.of(searches(names)).summary()
    assert [summary[name]["searches"] for name in ORIGINS] == [2, 2, 1]


def test_named_sources_replace_the_usual_ones() -> None:
    origins = SearchOrigins.of(searches(["typed", "voice", "voice", ""]), ["voice"])
    assert origins.searches("typed").tolist() == [False, True, True, False]
    assert origins.searches("suggested").tolist() == [True, False, False, False]
    assert origins.searches("unknown").tolist() == [False, False, False, True]


@pytest.mark.parametrize("name", ["box", ""])
def test_a_typed_source_that_never_occurs_is_refused(name: str) -> None:
    with pytest.raises(InputError, match=f"`--typed '{name}'` is no source.*: typed, voice"):
        SearchOrigins.of(searches(["typed", "voice", ""]), ["voice", name])


def test_no_searches() -> None:
    origins = SearchOrigins.of(searches([]))
    assert origins.source_summary() == []
    assert origins.summary()["typed"] == {"searches": 0, "share": None}


def test_counts_are_those_of_the_log(tiny_data: PreparedDataset) -> None:
    rows = SearchOrigins.of(PreparedEvents.read(tiny_data).searches).source_summary()
    expected = tiny_data.table("searches")["source_name"].value_counts().to_dict()
    assert {row["source"]: row["searches"] for row in rows} == expected


@given(st.lists(st.sampled_from(["", "typed", "USER_INPUT", "voice", "box"]), min_size=1))
def test_every_search_has_one_origin(names: list[str]) -> None:
    origins = SearchOrigins.of(searches(names))
    assert np.sum([origins.searches(name) for name in ORIGINS], axis=0).tolist() == [1] * len(names)
    assert sum(row["share"] for row in origins.source_summary()) == pytest.approx(1)
