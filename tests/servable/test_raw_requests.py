"""Indices to raw strings and back again."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.servable.raw_requests import UNKNOWN_TEXT, RawRequests
from sesrec_tf.servable.request_features import RequestFeatures


def assert_round_trip(prepared: PreparedDataset, split: str) -> dict[str, np.ndarray]:
    """Returns the raw requests of the split."""
    (batch,) = evaluation_batches(prepared, split, prepared.history)
    raw = RawRequests(prepared)({name: value.numpy() for name, value in batch.items()})
    tensors = {name: tf.constant(value, tf.string) for name, value in raw.items()}
    for name, value in RequestFeatures(prepared, prepared.history)(tensors).items():
        np.testing.assert_array_equal(value, batch[name], err_msg=name)
    return raw


@pytest.mark.parametrize("split", ["valid", "test"])
def test_strings_give_the_indices_they_came_from(tiny_data: PreparedDataset, split: str):
    raw = assert_round_trip(tiny_data, split)
    assert (raw["candidates"] == UNKNOWN_TEXT).any()
    if split == "test":
        # Late queries are unknown, with known words beside an unknown one.
        queries = [query.split(" ") for query in raw["queries"].ravel()]
        assert any(UNKNOWN_TEXT in words and "w1" in words for words in queries)


def test_an_unknown_query_that_reads_like_a_known_one(tiny_logs: LogTables, tmp_path: Path):
    """Its first L words, or its words spaced otherwise, are the text of a training query."""
    searches = tiny_logs.searches.copy()
    searches["query"] = "w1 w2"
    last = searches.groupby("user_id").tail(1).index
    searches.loc[last, "query"] = ["w1 w2 w3", "w1  w2"] * (len(last) // 2) + ["w1 w2"] * (
        len(last) % 2
    )
    # Only what follows a user's validation target is never trained on.
    searches.loc[last, "timestamp"] = [
        10 * (tiny_logs.interactions["user_id"] == user).sum() - 5
        for user in searches.loc[last, "user_id"]
    ]
    options = PrepareOptions(max_words=2, num_negatives=3)
    prepared = prepare(replace(tiny_logs, searches=searches), options, tmp_path / "data")
    assert prepared.vocabulary("queries") == ["w1 w2"]
    raw = assert_round_trip(prepared, "test")
    assert {"w1 w2", "w1 w2 "} <= set(raw["queries"].ravel())
