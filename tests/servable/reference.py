"""Requests in plain Python: what the serving graph should make of them, one event at a time."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import config_pb2

from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import HistoryShape

Predict = Callable[[str, dict[str, npt.NDArray[np.object_]]], dict[str, npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class RawSearch:
    query: str
    source: str = ""
    clicked_items: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawRequest:
    user: str
    candidates: tuple[str, ...]
    rec_items: tuple[str, ...] = ()
    searches: tuple[RawSearch, ...] = ()


def request_of_row(logs: LogTables, row: int, candidates: Sequence[str]) -> RawRequest:
    """The whole history before an interaction of the log; a search at its time comes after it."""
    target = logs.interactions.iloc[row]
    feed = logs.interactions[logs.interactions["user_id"] == target["user_id"]]
    feed = feed[feed["timestamp"] < target["timestamp"]].sort_values("timestamp")
    searches = logs.searches[logs.searches["user_id"] == target["user_id"]]
    searches = searches[searches["timestamp"] < target["timestamp"]].sort_values("timestamp")
    return RawRequest(
        target["user_id"],
        tuple(candidates),
        tuple(feed["item_id"]),
        tuple(
            RawSearch(search["query"], search["source"], tuple(search["clicked_item_ids"].split()))
            for _, search in searches.iterrows()
        ),
    )


def dense(requests: Sequence[RawRequest], shape: HistoryShape) -> dict[str, np.ndarray]:
    """Inputs of `serving_default`: most recent events, first clicks, padded with ""."""
    longest = max(len(request.candidates) for request in requests)
    searches = [request.searches[-shape.search_length :] for request in requests]
    clicks = [
        [pad(search.clicked_items[: shape.clicks], shape.clicks) for search in row]
        for row in searches
    ]
    values = {
        "user": [request.user for request in requests],
        "rec_items": [
            pad(request.rec_items[-shape.rec_length :], shape.rec_length) for request in requests
        ],
        "queries": [pad([s.query for s in row], shape.search_length) for row in searches],
        "query_sources": [pad([s.source for s in row], shape.search_length) for row in searches],
        "clicked_items": [pad(row, shape.search_length, [""] * shape.clicks) for row in clicks],
        "candidates": [pad(request.candidates, longest) for request in requests],
    }
    return {name: np.array(value, np.object_) for name, value in values.items()}


def serialized(requests: Sequence[RawRequest]) -> np.ndarray:
    """Input of `examples`, lists uncut."""
    messages = []
    for request in requests:
        example = tf.train.Example()
        lists = {
            "user": [request.user],
            "rec_items": request.rec_items,
            "queries": [search.query for search in request.searches],
            "query_sources": [search.source for search in request.searches],
            "clicked_items": [" ".join(search.clicked_items) for search in request.searches],
            "candidates": request.candidates,
        }
        for name, values in lists.items():
            example.features.feature[name].bytes_list.value.extend(v.encode() for v in values)
        messages.append(example.SerializeToString())
    return np.array(messages, np.object_)


def indices(
    requests: Sequence[RawRequest], prepared: PreparedDataset, shape: HistoryShape
) -> dict[str, np.ndarray]:
    """The batch of indices, each looked up in the vocabulary's list."""
    of = {
        name: {text: number for number, text in enumerate(prepared.vocabulary(name), start=2)}
        for name in ("users", "items", "queries", "words", "sources")
    }
    inputs = dense(requests, shape)

    def look_up(vocabulary: str, values: np.ndarray) -> np.ndarray:
        known = of[vocabulary]
        flat = [known.get(text, 1) if text else 0 for text in values.ravel()]
        return np.array(flat, np.int32).reshape(values.shape)

    words = [
        [pad([w for w in query.split(" ") if w][: shape.query_words], shape.query_words)]
        for query in inputs["queries"].ravel()
    ]
    sources = look_up("sources", inputs["query_sources"])
    return {
        "user": look_up("users", inputs["user"]),
        "rec_items": look_up("items", inputs["rec_items"]),
        "queries": look_up("queries", inputs["queries"]),
        "query_words": look_up(
            "words",
            np.array(words, np.object_).reshape((*inputs["queries"].shape, shape.query_words)),
        ),
        "query_sources": np.where(inputs["queries"] == "", 0, np.maximum(sources, 1)).astype(
            np.int32
        ),
        "clicked_items": look_up("items", inputs["clicked_items"]),
        "candidates": look_up("items", inputs["candidates"]),
    }


def pad(values: Sequence[object], width: int, filler: object = "") -> list[object]:
    return [*values, *[filler] * (width - len(values))]


def predict_tf2(path: Path) -> Predict:
    """The signatures as Python calls them after `tf.saved_model.load`."""
    loaded = tf.saved_model.load(str(path))

    def predict(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        tensors = {name: tf.constant(value, tf.string) for name, value in inputs.items()}
        outputs = loaded.signatures[signature](**tensors)
        return {name: value.numpy() for name, value in outputs.items()}

    return predict


def predict_tf1(path: Path) -> Predict:
    """The signatures as TF Serving and tfx-bsl load them: a session over the stored graph.

    Like TF Serving it feeds without comparing shapes to the placeholders', which only a callable
    does; `Session.run` would refuse in Python.
    """
    graph = tf.Graph()
    session = tf.compat.v1.Session(graph=graph)
    with graph.as_default():
        signatures = tf.compat.v1.saved_model.load(session, ["serve"], str(path)).signature_def

    @functools.cache
    def callable_of(signature: str) -> Callable[..., list[np.ndarray]]:
        definition = signatures[signature]
        options = config_pb2.CallableOptions(
            feed=[definition.inputs[name].name for name in sorted(definition.inputs)],
            fetch=[definition.outputs[name].name for name in sorted(definition.outputs)],
        )
        return session._make_callable_from_options(options)

    def predict(signature: str, inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        values = callable_of(signature)(*(inputs[name] for name in sorted(inputs)))
        return dict(zip(sorted(signatures[signature].outputs), values, strict=True))

    return predict
