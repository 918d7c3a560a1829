"""The warm-up file as TF Serving reads it: `PredictionLog` messages that must all succeed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import prediction_log_pb2

from serving.server.servable import Servable
from serving.server.warmup import replay_warmup
from sesrec_tf.servable.warmup import BATCH_SIZES, NUM_CANDIDATES
from sesrec_tf.version_layout import WARMUP_FILE


def test_records(tiny_servable: Path):
    records = tf.data.TFRecordDataset(str(tiny_servable / WARMUP_FILE)).as_numpy_iterator()
    requests = [
        prediction_log_pb2.PredictionLog.FromString(record).predict_log.request
        for record in records
    ]
    found = []
    for request in requests:
        arrays = {name: tf.make_ndarray(value) for name, value in request.inputs.items()}
        found.append((request.model_spec.signature_name, len(next(iter(arrays.values())))))
        if "candidates" in arrays:
            assert arrays["candidates"].shape[1] == NUM_CANDIDATES
            assert not any(np.any(value == b"") for value in arrays.values())
    signatures = ("serving_default", "examples", "explain")
    assert found == [(name, size) for size in BATCH_SIZES for name in signatures]


def test_every_record_succeeds(tiny_servable: Path):
    assert replay_warmup(Servable(tiny_servable, 1)) == 6
