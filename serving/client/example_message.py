"""A request as a `tf.Example`, the form of the signature `examples`, without TensorFlow."""

from __future__ import annotations

from serving.client import wire_messages as wire
from sesrec_tf.requests.example_lists import example_lists
from sesrec_tf.requests.ranking_request import RankingRequest


def serialized_example(request: RankingRequest) -> bytes:
    """The lists of a request as they are, neither padded nor cut."""
    example = wire.Example()
    for name, values in example_lists(request).items():
        example.features.feature[name].bytes_list.value.extend(v.encode("utf-8") for v in values)
    return example.SerializeToString()
