"""Requests that TF Serving replays before it calls a version AVAILABLE.

Without them a version that loads but cannot predict would take traffic, and its first requests
would pay for lazy initialisation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import cycle, islice
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    QUERIES,
    QUERY_SOURCES,
    REC_ITEMS,
    USER,
    HistoryShape,
    request_shapes,
)
from sesrec_tf.servable.raw_examples import make_example
from sesrec_tf.signatures import EXAMPLES, RECOMMEND, recommend_shapes
from sesrec_tf.version_layout import WARMUP_FILE

Strings = npt.NDArray[np.object_]

BATCH_SIZES = (1, 32)
NUM_CANDIDATES = 100

VOCABULARY_OF = {
    USER: "users",
    REC_ITEMS: "items",
    QUERIES: "queries",
    QUERY_SOURCES: "sources",
    CLICKED_ITEMS: "items",
    CANDIDATES: "items",
}
"""Where the ids of every input of a request stand."""


def write_warmup(
    path: Path, signatures: Iterable[str], dataset: PreparedDataset, history: HistoryShape
) -> None:
    """Adds the warm-up file to a SavedModel: every signature with one user and with many.

    Args:
        path: directory of the SavedModel.
        signatures: names of those it has.
        dataset: where the ids come from, the most frequent first.
        history: widths of the signatures.
    """
    file = path / WARMUP_FILE
    file.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(file)) as writer:
        for batch_size in BATCH_SIZES:
            request = _request(dataset, history, batch_size)
            for signature in signatures:
                log = _prediction_log(signature, _inputs(signature, request, history))
                writer.write(log.SerializeToString())


def _request(
    dataset: PreparedDataset, history: HistoryShape, batch_size: int
) -> dict[str, Strings]:
    """Full histories of known ids."""
    request = {}
    for name, dims in request_shapes(history).items():
        shape = (batch_size, *(NUM_CANDIDATES if size is None else size for size in dims))
        ids = dataset.vocabulary(VOCABULARY_OF[name]) or [""]
        values = np.array(list(islice(cycle(ids), int(np.prod(shape)))), np.object_)
        request[name] = values.reshape(shape)
    return request


def _inputs(
    signature: str, request: dict[str, Strings], history: HistoryShape
) -> dict[str, Strings]:
    if signature == EXAMPLES:
        return {EXAMPLES: _serialized(request)}
    if signature == RECOMMEND:
        return {name: request[name] for name in recommend_shapes(history)}
    return request


def _serialized(request: dict[str, Strings]) -> Strings:
    return np.array([example.SerializeToString() for example in _examples(request)], np.object_)


def _examples(request: dict[str, Strings]) -> Iterator[tf.train.Example]:
    for row in range(len(request[USER])):
        features = {name: np.atleast_1d(values[row]) for name, values in request.items()}
        features[CLICKED_ITEMS] = np.array([" ".join(ids) for ids in features[CLICKED_ITEMS]])
        yield make_example(features)


def _prediction_log(signature: str, inputs: dict[str, Strings]) -> prediction_log_pb2.PredictionLog:
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = signature
    for name, values in inputs.items():
        request.inputs[name].CopyFrom(tf.make_tensor_proto(values, tf.string))
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(request)
    return log
