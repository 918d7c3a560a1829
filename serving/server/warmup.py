"""Replay of a version's warm-up requests before it is served."""

from __future__ import annotations

from collections.abc import Iterator

import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.servable import Servable
from serving.server.status_error import StatusError
from serving.server.version_error import VersionError
from sesrec_tf.version_layout import WARMUP_FILE

MAXIMUM_RECORDS = 1000

_FRAME_BYTES = 16
"""Length and two checksums around each record of a TFRecord file."""


def replay_warmup(servable: Servable) -> int:
    """Runs every warm-up request of a version; returns how many there were.

    Raises:
        VersionError: for a record that is damaged, of another kind than Predict, or whose request
            fails, and for more than `MAXIMUM_RECORDS`: TF Serving refuses such a version too.
    """
    count = 0
    for record in _records(servable):
        if count == MAXIMUM_RECORDS:
            raise _refusal(servable, f"it holds more than {MAXIMUM_RECORDS} records")
        _replay(servable, count, record)
        count += 1
    return count


def _records(servable: Servable) -> Iterator[bytes]:
    file = servable.path / WARMUP_FILE
    if not file.exists():
        return
    remaining = file.stat().st_size
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            remaining -= len(record) + _FRAME_BYTES
            yield record
        # The reader takes a header cut short for the end of the file.
        if remaining:
            raise _refusal(servable, f"it ends with {remaining} bytes that are no record")
    except tf.errors.DataLossError as error:
        raise _refusal(
            servable, f"it should be an uncompressed TFRecord file: {error.message}"
        ) from error


def _replay(servable: Servable, number: int, record: bytes) -> None:
    try:
        log = prediction_log_pb2.PredictionLog.FromString(record)
    except DecodeError as error:
        raise _refusal(servable, f"record {number} is no PredictionLog") from error
    kind = log.WhichOneof("log_type")
    if kind != "predict_log":
        raise _refusal(servable, f"record {number} should hold a predict_log. Received: {kind}")
    try:
        servable.predict(log.predict_log.request)
    except StatusError as error:
        raise _refusal(
            servable, f"record {number} failed with {error.code.name}: {error.message}"
        ) from error


def _refusal(servable: Servable, reason: str) -> VersionError:
    return VersionError(
        f"version {servable.version} is not served, because of its warm-up file "
        f"{servable.path / WARMUP_FILE}: {reason}. Export the model again."
    )
