"""A request as a `tf.Example`, the form of the signature `examples`, without TensorFlow."""

from __future__ import annotations

from serving.client import wire_messages as wire
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, QUERIES, QUERY_SOURCES, REC_ITEMS, USER


def serialized_example(request: RankingRequest) -> bytes:
    """The lists of a request as they are, neither padded nor cut."""
    lists = {
        USER: [request.user],
        REC_ITEMS: request.rec_items,
        QUERIES: [search.query for search in request.searches],
        QUERY_SOURCES: [search.source for search in request.searches],
        CLICKED_ITEMS: [" ".join(search.clicked_items) for search in request.searches],
        CANDIDATES: request.candidates,
    }
    example = wire.Example()
    for name, values in lists.items():
        example.features.feature[name].bytes_list.value.extend(v.encode("utf-8") for v in values)
    return example.SerializeToString()
