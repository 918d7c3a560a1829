"""Warm-up requests replayed at load."""

from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

from serving.server.servable import Servable
from serving.server.warmup import MAXIMUM_RECORDS, replay_warmup
from sesrec_tf.errors import InputError
from sesrec_tf.version_layout import WARMUP_FILE


@pytest.fixture
def servable(base_path: Path) -> Servable:
    return Servable(base_path / "1", 1)


def write_records(servable: Servable, records: list[bytes], options: str = "") -> None:
    path = servable.path / WARMUP_FILE
    path.parent.mkdir(exist_ok=True)
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)


def record(request: predict_pb2.PredictRequest) -> bytes:
    log = prediction_log_pb2.PredictionLog()
    log.predict_log.request.CopyFrom(request)
    return log.SerializeToString()


def test_no_file_is_fine(servable):
    assert replay_warmup(servable) == 0


def test_good_records_run(servable, predict_request):
    write_records(servable, [record(predict_request)] * 3)
    assert replay_warmup(servable) == 3


def test_failing_request_refuses_the_version(servable, predict_request):
    good = record(predict_request)
    predict_request.inputs["rec_items"].CopyFrom(tf.make_tensor_proto([["too", "narrow"]]))
    write_records(servable, [good, record(predict_request)])
    with pytest.raises(InputError, match=r"record 1 failed with INVALID_ARGUMENT.*rec_items"):
        replay_warmup(servable)


def test_bare_predict_request_is_no_record(servable, predict_request):
    write_records(servable, [predict_request.SerializeToString()])
    with pytest.raises(InputError, match=r"version 1 is not served.*record 0"):
        replay_warmup(servable)


def test_other_kinds_are_refused(servable):
    log = prediction_log_pb2.PredictionLog()
    log.classify_log.SetInParent()
    write_records(servable, [log.SerializeToString()])
    with pytest.raises(InputError, match="Received: classify_log"):
        replay_warmup(servable)


@pytest.mark.parametrize("content", ["gzip", "text"])
def test_file_that_is_no_tfrecord(servable, predict_request, content):
    write_records(servable, [record(predict_request)], "GZIP" if content == "gzip" else "")
    if content == "text":
        (servable.path / WARMUP_FILE).write_text('{"user": "u1", "candidates": ["i1"]}')
    with pytest.raises(InputError, match="uncompressed TFRecord"):
        replay_warmup(servable)


@pytest.mark.parametrize("kept", [3, 11, 12, 40])
def test_truncated_file(servable, predict_request, kept):
    content = record(predict_request)
    write_records(servable, [content] * 2)
    path = servable.path / WARMUP_FILE
    path.write_bytes(path.read_bytes()[: len(content) + 16 + kept])
    with pytest.raises(InputError, match="not served"):
        replay_warmup(servable)


def test_too_many_records(servable, predict_request):
    write_records(servable, [record(predict_request)] * (MAXIMUM_RECORDS + 1))
    with pytest.raises(InputError, match="more than 1000 records"):
        replay_warmup(servable)
