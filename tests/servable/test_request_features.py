"""Features from raw requests against plain Python, and against the records of the same events."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import HistoryShape, request_shapes
from sesrec_tf.servable.request_features import RequestFeatures
from tests.servable.reference import (
    RawRequest,
    RawSearch,
    dense,
    indices,
    pad,
    request_of_row,
)

IDS = st.sampled_from(["NA", "007", "größe", "i5", "i6", "none such", "ü"])
QUERIES = st.lists(st.sampled_from(["w1", "w2", "W1", "rare7", "\t", "é"]), min_size=1, max_size=6)
SEARCHES = st.builds(
    RawSearch,
    st.builds(lambda words, gap: gap.join(words), QUERIES, st.sampled_from([" ", "   "])),
    st.sampled_from(["typed", "suggested", "", "voice"]),
    st.lists(IDS, max_size=4).map(tuple),
)
REQUESTS = st.lists(
    st.builds(
        RawRequest,
        st.sampled_from(["u1", "u2", "nobody"]),
        st.lists(IDS, min_size=1, max_size=4).map(tuple),
        st.lists(IDS, max_size=8).map(tuple),
        st.lists(SEARCHES, max_size=6).map(tuple),
    ),
    min_size=1,
    max_size=4,
)


@pytest.fixture(scope="module")
def features(tiny_data: PreparedDataset):
    """A graph, so that hypothesis traces once."""
    function = RequestFeatures(tiny_data, tiny_data.history)
    specs = {
        name: tf.TensorSpec((None, *dims), tf.string)
        for name, dims in request_shapes(tiny_data.history).items()
    }
    graph = tf.function(function.__call__, input_signature=[specs], autograph=False)

    def call(request: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {name: tf.constant(value, tf.string) for name, value in request.items()}
        return {name: value.numpy() for name, value in graph(tensors).items()}

    return call


def assert_same(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> None:
    assert set(found) == set(expected)
    for name, value in expected.items():
        assert found[name].dtype == np.int32
        np.testing.assert_array_equal(found[name], value, err_msg=name)


@pytest.mark.parametrize("split", ["valid", "test"])
def test_raw_logs_give_the_records_of_preparation(
    split: str, features, tiny_logs: LogTables, tiny_data: PreparedDataset
):
    """No skew between training and serving: the whole raw history gives the stored record."""
    items = ["", "no such item", *tiny_data.vocabulary("items")]
    (batch,) = evaluation_batches(tiny_data, split, tiny_data.history)
    requests = [
        request_of_row(tiny_logs, row, [items[index] for index in candidates])
        for row, candidates in zip(
            batch["instance"].numpy(), batch["candidates"].numpy(), strict=True
        )
    ]
    found = features(dense(requests, tiny_data.history))
    assert_same(found, {name: batch[name].numpy() for name in found})
    # The world holds what could go wrong.
    assert (found["query_sources"] == 1).any()
    assert (found["queries"][:, 0] == 0).any()
    assert any(len(request.rec_items) > 6 for request in requests)
    assert any(len(request.searches) > 4 for request in requests)
    if split == "test":
        for name in ("rec_items", "queries", "query_words", "clicked_items"):
            assert (found[name] == 1).any(), name


@settings(deadline=None, max_examples=60)
@given(requests=REQUESTS)
def test_any_request_as_in_plain_python(requests: list[RawRequest], features, tiny_data):
    found = features(dense(requests, tiny_data.history))
    assert_same(found, indices(requests, tiny_data, tiny_data.history))


@settings(deadline=None, max_examples=30)
@given(requests=REQUESTS, data=st.data())
def test_gaps_change_nothing(requests: list[RawRequest], data, features, tiny_data):
    """Events keep their order wherever the padding stands between them."""
    shape = tiny_data.history
    inputs = dense(requests, shape)
    expected = features(inputs)
    moved = {name: value.copy() for name, value in inputs.items()}
    for row, request in enumerate(requests):
        feed = min(len(request.rec_items), shape.rec_length)
        order = data.draw(places(feed, shape.rec_length))
        moved["rec_items"][row] = inputs["rec_items"][row][order]
        order = data.draw(places(min(len(request.searches), shape.search_length), 4))
        for name in ("queries", "query_sources", "clicked_items"):
            moved[name][row] = inputs[name][row][order]
    assert_same(features(moved), expected)


def places(events: int, length: int) -> st.SearchStrategy[list[int]]:
    """Which event or padding stands at each place; events in their order."""

    def fill(kept: frozenset[int]) -> list[int]:
        ranks = {place: rank for rank, place in enumerate(sorted(kept))}
        padding = iter(range(events, length))
        return [ranks[p] if p in ranks else next(padding) for p in range(length)]

    return st.frozensets(st.integers(0, length - 1), min_size=events, max_size=events).map(fill)


def test_what_belongs_to_no_query_is_dropped(features, tiny_data):
    inputs = dense([RawRequest("u1", ("i5",))], tiny_data.history)
    expected = features(inputs)
    inputs["query_sources"][0, 1] = "typed"
    inputs["clicked_items"][0, 2] = ["i5", "i6"]
    inputs["queries"][0, 3] = "   "
    assert_same(features(inputs), expected)


def test_an_empty_user_is_unknown_and_an_empty_candidate_is_padding(features, tiny_data):
    inputs = dense([RawRequest("", ("i5", "", "none such"))], tiny_data.history)
    found = features(inputs)
    assert found["user"].tolist() == [1]
    known = tiny_data.vocabulary("items").index("i5") + 2
    assert found["candidates"].tolist() == [[known, 0, 1]]


def test_batches_wider_than_the_records_are_padded(tiny_data):
    """Words of a query beyond the records' width do not count: training never saw them."""
    wide = HistoryShape(rec_length=8, search_length=5, query_words=6, clicks=3)
    request = RawRequest("u1", ("i5",), ("i6", "i7"), (RawSearch("w1 w2 w3 w4 w5", "", ("i5",)),))
    inputs = dense([request], tiny_data.history)
    found = RequestFeatures(tiny_data, wide)(
        {name: tf.constant(value, tf.string) for name, value in inputs.items()}
    )
    narrow = indices([request], tiny_data, tiny_data.history)
    assert found["rec_items"].numpy().tolist() == [pad(list(narrow["rec_items"][0]), 8, 0)]
    assert found["query_words"].shape == (1, 5, 6)
    assert found["query_words"][0, 0].numpy().tolist() == [
        *narrow["query_words"][0, 0].tolist(),
        *[0] * 3,
    ]
    assert found["clicked_items"].shape == (1, 5, 3)
