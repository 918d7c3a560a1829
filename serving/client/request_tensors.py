"""Requests as string tensors."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeVar

from serving.client import wire_messages as wire
from serving.client.ranking_signature import RankingSignature
from sesrec_tf import schema
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.recommendation_request import RecommendationRequest
from sesrec_tf.requests.request_error import RequestError

Event = TypeVar("Event")

_FILLER = ""
"""What fills a history or a list of candidates up to its width."""


def request_tensors(
    requests: Sequence[RankingRequest], signature: RankingSignature, first: int = 0
) -> dict[str, Any]:
    """String `TensorProto`s of `serving_default` and `explain`.

    Args:
        requests: `B` requests, at least one.
        signature: widths `T_r`, `T_s`, `C` and `K`.
        first: position of the first request among the caller's, for errors.

    Returns:
        Those of `history_tensors`, and candidates [B, K], padded with `""`.

    Raises:
        RequestError: for more candidates than a fixed `K`.
    """
    candidates = _candidate_width(signature.candidates, requests, first)
    return {
        **history_tensors(requests, signature),
        schema.CANDIDATES: _strings(
            [_pad(r.candidates, candidates) for r in requests], (len(requests), candidates)
        ),
    }


def history_tensors(
    requests: Sequence[RankingRequest | RecommendationRequest], signature: RankingSignature
) -> dict[str, Any]:
    """String `TensorProto`s of `recommend`, left-aligned and padded with `""`.

    The most recent events of a longer history are kept, and the first clicks of a session.

    Args:
        requests: `B` requests, at least one.
        signature: widths `T_r`, `T_s` and `C`.

    Returns:
        user [B], rec_items [B, T_r], queries and query_sources [B, T_s],
        clicked_items [B, T_s, C].
    """
    rec_length = _width(signature.rec_length, [len(r.rec_items) for r in requests])
    search_length = _width(signature.search_length, [len(r.searches) for r in requests])
    clicks = _width(signature.clicks, [len(s.clicked_items) for r in requests for s in r.searches])
    searches = [recent(r.searches, search_length) for r in requests]
    no_clicks = [_FILLER] * clicks
    batch = len(requests)
    clicked_items = [
        _pad([_pad(s.clicked_items[:clicks], clicks) for s in row], search_length, no_clicks)
        for row in searches
    ]
    return {
        schema.USER: _strings([r.user for r in requests], (batch,)),
        schema.REC_ITEMS: _strings(
            [_pad(recent(r.rec_items, rec_length), rec_length) for r in requests],
            (batch, rec_length),
        ),
        schema.QUERIES: _strings(
            [_pad([s.query for s in row], search_length) for row in searches],
            (batch, search_length),
        ),
        schema.QUERY_SOURCES: _strings(
            [_pad([s.source for s in row], search_length) for row in searches],
            (batch, search_length),
        ),
        schema.CLICKED_ITEMS: _strings(clicked_items, (batch, search_length, clicks)),
    }


def string_tensor(values: Sequence[bytes], shape: tuple[int, ...]) -> Any:
    """A `TensorProto` of the values in row-major order."""
    assert len(values) == math.prod(shape)
    tensor = wire.TensorProto(dtype=wire.DT_STRING, string_val=values)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    return tensor


def recent(events: Sequence[Event], width: int | None) -> Sequence[Event]:
    """The last `width` of a history; all of it when the width is free."""
    return events if width is None else events[max(len(events) - width, 0) :]


def _width(fixed: int | None, lengths: Sequence[int]) -> int:
    return max(lengths, default=0) if fixed is None else fixed


def _candidate_width(fixed: int | None, requests: Sequence[RankingRequest], first: int) -> int:
    lengths = [len(request.candidates) for request in requests]
    longest = max(lengths)
    if fixed is not None and longest > fixed:
        raise RequestError(
            f"requests[{first + lengths.index(longest)}].candidates",
            f"should hold at most {fixed} ids, as many as the server's model scores. "
            f"Received: {longest}. Split them over several requests.",
        )
    return longest if fixed is None else fixed


def _pad(values: Sequence[Any], width: int, filler: Any = _FILLER) -> list[Any]:
    return [*values, *[filler] * (width - len(values))]


def _strings(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    """Of nested lists."""
    for _ in shape[1:]:
        values = [value for row in values for value in row]
    return string_tensor([value.encode("utf-8") for value in values], shape)
