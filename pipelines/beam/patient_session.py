"""Requests in batches that fit in memory, where one cannot spoil it for those beside it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

BATCH_BYTES = 1 << 18
"""A batch is as wide as its longest request: so much for all if they were as long as that one."""

LIKE = 1.5
"""How much longer than the shortest request of a batch the longest may be, for what is added to
the others is scored too: three to four times as fast where lists have 1 to 1000 candidates."""

_REFUSALS = (tf.errors.InvalidArgumentError, tf.errors.ResourceExhaustedError)

Answer = dict[str, npt.NDArray[Any]]


class PatientSession:
    """In place of a TensorFlow session for tfx-bsl.

    tfx-bsl 1.21 leaves the size of batches to Beam, whatever its `batch_parameters` say: up to
    10,000 requests, of any length. And an error in a batch ends the job.

    Args:
        session: with the model loaded.
        batch_size: requests at once.
    """

    def __init__(self, session: Any, batch_size: int) -> None:
        self._session = session
        self._batch_size = batch_size

    def run(self, fetches: Mapping[str, str], feed_dict: Mapping[str, Sequence[bytes]]) -> Answer:
        """Outputs by name: arrays `[B]` of each request's own arrays.

        The model's words, a string, stand for the outputs of a request that it refuses alone.

        Args:
            fetches: tensors by the names of outputs.
            feed_dict: the one input tensor with `B` serialized requests.
        """
        ((tensor, requests),) = feed_dict.items()
        answers: list[Answer] = [{}] * len(requests)
        for places in batches([len(request) for request in requests], self._batch_size):
            found = self._answers(fetches, tensor, [requests[place] for place in places])
            for place, answer in zip(places, found, strict=True):
                answers[place] = answer
        return {name: _array_of([answer[name] for answer in answers]) for name in fetches}

    def _answers(
        self, fetches: Mapping[str, str], tensor: str, requests: list[bytes]
    ) -> list[Answer]:
        try:
            found = self._session.run(dict(fetches), {tensor: requests})
        except _REFUSALS as error:
            if len(requests) == 1:
                words = np.array([error.message.encode("utf-8")], np.object_)
                return [dict.fromkeys(fetches, words)]
            return [self._answers(fetches, tensor, [request])[0] for request in requests]
        return [{name: found[name][row] for name in fetches} for row in range(len(requests))]


def batches(sizes: Sequence[int], most: int) -> Iterator[list[int]]:
    """Places of requests that are scored together, those of like size.

    Args:
        sizes: bytes of each request.
        most: requests of a batch.
    """
    batch: list[int] = []
    for place in np.argsort(sizes, kind="stable").tolist():
        # Each is at least as large as those before it.
        widest = sizes[place]
        if batch and (
            len(batch) == most
            or (len(batch) + 1) * widest > BATCH_BYTES
            or widest > LIKE * sizes[batch[0]]
        ):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


def load_patiently(path: str, tags: Sequence[str], batch_size: int) -> PatientSession:
    """Loads a SavedModel, for tfx-bsl's `load_override_fn`."""
    # Several workers may share a GPU.
    gpu = tf.compat.v1.GPUOptions(allow_growth=True)
    config = tf.compat.v1.ConfigProto(gpu_options=gpu)
    # It saves nothing here, and warns of every softmax whose shape is not known before.
    rewrites = config.graph_options.rewrite_options
    rewrites.memory_optimization = rewriter_config_pb2.RewriterConfig.NO_MEM_OPT
    session = tf.compat.v1.Session(graph=tf.compat.v1.Graph(), config=config)
    with session.graph.as_default():
        tf.compat.v1.saved_model.load(session, list(tags), path)
    return PatientSession(session, batch_size)


def _array_of(values: Sequence[npt.NDArray[Any]]) -> npt.NDArray[np.object_]:
    array = np.empty(len(values), np.object_)
    array[:] = values
    return array
