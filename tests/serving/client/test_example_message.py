"""Requests as `tf.Example` messages, read back by TensorFlow."""

from __future__ import annotations

import tensorflow as tf

from serving.client.example_message import serialized_example
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search


def test_lists_as_they_are():
    searches = (Search("red  shoes", "typed", ("k1", "k2")), Search("hat"))
    request = RankingRequest("größe", ("a", "b"), ("i1", "i2", "i3"), searches)
    features = tf.train.Example.FromString(serialized_example(request)).features.feature
    received = {
        name: [value.decode() for value in feature.bytes_list.value]
        for name, feature in features.items()
    }
    assert received == {
        "user": ["größe"],
        "rec_items": ["i1", "i2", "i3"],
        "queries": ["red  shoes", "hat"],
        "query_sources": ["typed", ""],
        "clicked_items": ["k1 k2", ""],
        "candidates": ["a", "b"],
    }
