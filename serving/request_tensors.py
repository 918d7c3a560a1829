"""Requests as string tensors, and float tensors as numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from serving import wire_messages as wire
from serving.ranking_request import RankingRequest
from serving.ranking_signature import RankingSignature
from sesrec_tf import schema
from sesrec_tf.errors import InputError

PADDING = ""
"""What fills a history or a list of candidates up to its width."""


def request_tensors(
    requests: Sequence[RankingRequest], signature: RankingSignature
) -> dict[str, Any]:
    """String `TensorProto`s of a batch, left-aligned and padded with `""`.

    The most recent events of a longer history are kept, and the first clicks of a session.

    Args:
        requests: `B` requests, at least one.
        signature: widths `T_r`, `T_s`, `C` and `K`.

    Returns:
        user [B], rec_items [B, T_r], queries and query_sources [B, T_s],
        clicked_items [B, T_s, C], candidates [B, K].

    Raises:
        InputError: for more candidates than a fixed `K`.
    """
    rec_length = _width(signature.rec_length, [len(r.rec_items) for r in requests])
    search_length = _width(signature.search_length, [len(r.searches) for r in requests])
    clicks = _width(signature.clicks, [len(s.clicked_items) for r in requests for s in r.searches])
    candidates = _candidate_width(signature.candidates, requests)
    searches = [_recent(r.searches, search_length) for r in requests]
    no_clicks = [PADDING] * clicks
    batch = len(requests)
    return {
        schema.USER: _strings([r.user for r in requests], (batch,)),
        schema.REC_ITEMS: _strings(
            [_pad(_recent(r.rec_items, rec_length), rec_length) for r in requests],
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
        schema.CLICKED_ITEMS: _strings(
            [
                _pad(
                    [_pad(s.clicked_items[:clicks], clicks) for s in row], search_length, no_clicks
                )
                for row in searches
            ],
            (batch, search_length, clicks),
        ),
        schema.CANDIDATES: _strings(
            [_pad(r.candidates, candidates) for r in requests], (batch, candidates)
        ),
    }


def float_matrix(tensor: Any, rows: int, columns: int) -> np.ndarray:
    """A float32 `TensorProto` of a known shape, in any of the encodings that servers use.

    Raises:
        ValueError: for another dtype or shape, or a number of values that does not fit it.
    """
    shape = tuple(dim.size for dim in tensor.tensor_shape.dim)
    if tensor.dtype != wire.DT_FLOAT or shape != (rows, columns):
        raise ValueError(
            f"expected DataType {wire.DT_FLOAT} of shape {(rows, columns)}, "
            f"received DataType {tensor.dtype} of shape {shape}"
        )
    if tensor.tensor_content:
        return np.frombuffer(tensor.tensor_content, "<f4").reshape(shape)
    values = np.array(tensor.float_val, np.float32)
    missing = rows * columns - len(values)
    if missing > 0 and len(values) > 0:
        # A shorter list means that its last value repeats.
        values = np.pad(values, (0, missing), mode="edge")
    return values.reshape(shape)


def _width(fixed: int | None, lengths: Sequence[int]) -> int:
    return max(lengths, default=0) if fixed is None else fixed


def _candidate_width(fixed: int | None, requests: Sequence[RankingRequest]) -> int:
    longest = max(len(request.candidates) for request in requests)
    if fixed is not None and longest > fixed:
        raise InputError(
            f"the server's model scores {fixed} candidates a request. Received: {longest}. "
            "Split them over several requests."
        )
    return longest if fixed is None else fixed


def _recent(events: Sequence[Any], width: int) -> Sequence[Any]:
    return events[max(len(events) - width, 0) :]


def _pad(values: Sequence[Any], width: int, filler: Any = PADDING) -> list[Any]:
    return [*values, *[filler] * (width - len(values))]


def _strings(values: Sequence[Any], shape: tuple[int, ...]) -> Any:
    tensor = wire.TensorProto(dtype=wire.DT_STRING)
    for size in shape:
        tensor.tensor_shape.dim.add(size=size)
    for _ in shape[1:]:
        values = [value for row in values for value in row]
    assert len(values) == math.prod(shape)
    tensor.string_val.extend(value.encode("utf-8") for value in values)
    return tensor
