"""One version in memory, with and without batching."""

from __future__ import annotations

import gc
import time
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.servable import Servable
from serving.server.status_error import StatusError
from serving.server.version_error import VersionError


def request_of(candidates: int, template: predict_pb2.PredictRequest):
    request = predict_pb2.PredictRequest()
    request.CopyFrom(template)
    names = np.array([[f"c{n}".encode() for n in range(candidates)]], object)
    request.inputs["candidates"].CopyFrom(tf.make_tensor_proto(names))
    request.inputs["user"].string_val[0] = f"u{candidates}".encode()
    return request


def test_batching_changes_no_answer(exported: Path, predict_request):
    scheduler = BatchScheduler(
        BatchingParameters(4, 10_000_000, allowed_batch_sizes=(4,), pad_variable_length_inputs=True)
    )
    batched, alone = Servable(exported, 1, scheduler), Servable(exported, 1)
    requests = [request_of(candidates, predict_request) for candidates in (1, 4, 2, 3)]
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(batched.predict, requests))
    for request, answer in zip(requests, answers, strict=True):
        expected = tf.make_ndarray(alone.predict(request).outputs["scores"])
        scores = tf.make_ndarray(answer.outputs["scores"])
        # As wide as the widest of the batch; the client cuts off what is not its own.
        assert scores.shape == (1, 4)
        np.testing.assert_allclose(scores[:, : expected.shape[1]], expected, atol=1e-6)
    batched.close()
    scheduler.close()


def test_message_that_quotes_bytes_of_the_request(tiny_servable: Path):
    request = predict_pb2.PredictRequest()
    request.model_spec.signature_name = "examples"
    request.inputs["examples"].CopyFrom(tf.make_tensor_proto([b"\x9d\xff"]))
    with pytest.raises(StatusError, match="Could not parse example input") as caught:
        Servable(tiny_servable, 1).predict(request)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT


def test_too_late(exported: Path, predict_request):
    with pytest.raises(StatusError) as caught:
        Servable(exported, 1).predict(predict_request, time.monotonic() - 1)
    assert caught.value.code == grpc.StatusCode.DEADLINE_EXCEEDED


def test_closed_servable_leaves_memory(exported: Path):
    scheduler = BatchScheduler(BatchingParameters())
    servable = Servable(exported, 1, scheduler)
    servable.close()
    model = weakref.ref(servable._model)
    del servable
    gc.collect()
    assert model() is None
    scheduler.close()


def test_directory_without_a_model(tmp_path: Path):
    with pytest.raises(VersionError, match=r"saved_model\.pb") as caught:
        Servable(tmp_path, 1)
    assert caught.value.code == grpc.StatusCode.NOT_FOUND
