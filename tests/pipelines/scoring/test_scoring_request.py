from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.scoring.record_error import RecordError
from pipelines.scoring.scoring_request import ScoringRequest
from sesrec_tf.schema import HistoryShape
from sesrec_tf.servable.raw_examples import make_example, parse_examples

SHAPE = HistoryShape(rec_length=3, search_length=2, query_words=2, clicks=2)
NAMES = ("user", "rec_items", "queries", "query_sources", "clicked_items", "candidates")
TEXTS = st.lists(st.sampled_from(["", "i1", "größe", "two words", "\n"]), max_size=3)


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
def parsed(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    return parse_examples(serialized, SHAPE)


@given(st.fixed_dictionaries(dict.fromkeys(NAMES, TEXTS)))
@settings(deadline=None, max_examples=200)
def test_refuses_what_the_graph_refuses_and_no_candidates(lists: dict[str, list[str]]) -> None:
    original = make_example(lists).SerializeToString()
    try:
        in_graph = parsed(tf.constant([original]))
    except tf.errors.InvalidArgumentError:
        in_graph = None
    try:
        ours = ScoringRequest.from_lists(lists)
    except RecordError:
        assert in_graph is None or lists["candidates"] == []
        return
    assert (ours.user, list(ours.candidates)) == (lists["user"][0], lists["candidates"])
    again = parsed(tf.constant([ours.example]))
    assert in_graph is not None
    for name, value in in_graph.items():
        np.testing.assert_array_equal(value.numpy(), again[name].numpy())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"user": []}, "`user` is missing"),
        ({"user": ["u1", "u2"]}, "`user` is more than one value"),
        ({"query_sources": ["typed"]}, "`query_sources` is not as long as `queries`"),
        ({"clicked_items": ["i1"] * 3}, "`clicked_items` is not as long as `queries`"),
        ({"candidates": []}, "`candidates` is empty"),
    ],
)
def test_says_why(changes: dict[str, list[str]], reason: str) -> None:
    lists: dict[str, list[str]] = {name: [] for name in NAMES}
    lists |= {"user": ["u1"], "candidates": ["i1"], "queries": ["red shoes", "boots"]}
    ScoringRequest.from_lists(lists)
    with pytest.raises(RecordError) as caught:
        ScoringRequest.from_lists({**lists, **changes})
    assert caught.value.reason == reason
