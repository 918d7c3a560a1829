"""A request as the lists of a `tf.Example`, the form of the signature `examples`."""

from __future__ import annotations

from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, QUERIES, QUERY_SOURCES, REC_ITEMS, USER


def example_lists(request: RankingRequest) -> dict[str, list[str]]:
    """The lists under their names in `schema.request_shapes`, neither padded nor cut.

    Ids clicked in a session are joined by spaces, which no id holds.
    """
    return {
        USER: [request.user],
        REC_ITEMS: list(request.rec_items),
        QUERIES: [search.query for search in request.searches],
        QUERY_SOURCES: [search.source for search in request.searches],
        CLICKED_ITEMS: [" ".join(search.clicked_items) for search in request.searches],
        CANDIDATES: list(request.candidates),
    }
