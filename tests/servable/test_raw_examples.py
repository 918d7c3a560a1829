from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.schema import HistoryShape
from sesrec_tf.servable.raw_examples import make_example, parse_examples

SHAPE = HistoryShape(rec_length=3, search_length=2, query_words=4, clicks=2)


@tf.function(input_signature=[tf.TensorSpec([None], tf.string)], autograph=False)
def parse_in_graph(serialized: tf.Tensor) -> dict[str, tf.Tensor]:
    return parse_examples(serialized, SHAPE)


def parse(*features: dict[str, list[str]]) -> dict[str, list]:
    messages = [make_example(values).SerializeToString() for values in features]
    parsed = parse_in_graph(tf.constant(np.array(messages, np.object_), tf.string))
    return {
        name: np.vectorize(bytes.decode, otypes=[object])(value.numpy()).tolist()
        for name, value in parsed.items()
    }


def test_golden():
    long = {
        "user": ["größe"],
        "rec_items": ["a", "b", "c", "d"],
        "queries": ["q1", "q 2", "q3  x"],
        "query_sources": ["s1", "", "s3"],
        "clicked_items": ["i1", "i2  i3 i4", ""],
        "candidates": ["k1"],
    }
    short = {"user": ["u"], "queries": ["q"], "candidates": ["k1", "", "k3"]}
    assert parse(long, short) == {
        "user": ["größe", "u"],
        # The most recent 3 of 4, and 2 of 3 sessions with their first 2 clicks.
        "rec_items": [["b", "c", "d"], ["", "", ""]],
        "queries": [["q 2", "q3  x"], ["q", ""]],
        "query_sources": [["", "s3"], ["", ""]],
        "clicked_items": [[["i2", "i3"], ["", ""]], [["", ""], ["", ""]]],
        "candidates": [["k1", "", ""], ["k1", "", "k3"]],
    }


def test_candidates_have_a_column_even_if_nobody_names_one():
    assert parse({"user": ["u"]})["candidates"] == [[""]]
    empty = parse_examples(tf.zeros([0], tf.string), SHAPE)
    assert empty["candidates"].shape == (0, 1)
    assert empty["clicked_items"].shape == (0, 2, 2)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ({"candidates": ["k"]}, "Feature: user"),
        (
            {"user": ["u"], "queries": ["a", "b"], "query_sources": ["s"]},
            r"`query_sources` should be absent or have one value .* \[1\] \[1\] \[2\]",
        ),
        (
            {"user": ["u"], "queries": ["a"], "clicked_items": ["i", "j"]},
            r"`clicked_items` should be absent or have one value .* \[1\] \[2\] \[1\]",
        ),
        ({"user": ["u"], "clicked_items": ["i"]}, r"`clicked_items` should be absent"),
    ],
)
def test_refused(features, message):
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        parse({"user": ["u"], "queries": ["q"], "query_sources": ["s"]}, features)


def test_no_message_at_all():
    with pytest.raises(tf.errors.InvalidArgumentError, match="garbage"):
        parse_examples(tf.constant(["garbage"]), SHAPE)


def test_indices_are_no_raw_ids():
    example = tf.train.Example()
    example.features.feature["user"].int64_list.value.append(3)
    with pytest.raises(tf.errors.InvalidArgumentError, match="user"):
        parse_examples(tf.constant([example.SerializeToString()]), SHAPE)
