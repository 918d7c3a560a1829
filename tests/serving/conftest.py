"""A small real SavedModel with the ranking signature, and servers on loopback."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import grpc
import keras
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from serving.server.development_server import DevelopmentServer
from serving.server.model_manager import ModelManager
from sesrec_tf.schema import HistoryShape, request_shapes

SHAPE = HistoryShape(rec_length=4, search_length=3, query_words=5, clicks=2)


class HashRanker(keras.Model):
    """Scores a candidate by a hash of every string of the request, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = self.add_weight(shape=(), initializer="ones", name="scale")
        self.built = True

    @tf.function(
        input_signature=[
            {
                name: tf.TensorSpec((None, *dims), tf.string, name=name)
                for name, dims in request_shapes(SHAPE).items()
            }
        ]
    )
    def serve(self, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        # Unlike `tf.rank` and `tf.shape`, this is not answered from the signature.
        inputs = {
            name: tf.ensure_shape(inputs[name], (None, *dims))
            for name, dims in request_shapes(SHAPE).items()
        }
        rows = [
            tf.strings.reduce_join(value, axis=list(range(1, len(value.shape))), separator="\t")
            for name, value in inputs.items()
            if name != "candidates"
        ]
        # Addition, unlike `tf.strings.join`, broadcasts [B, 1] and [B, K].
        joined = tf.strings.join(rows, "\n")[:, None] + "\n" + inputs["candidates"]
        buckets = tf.strings.to_hash_bucket_fast(joined, 10_000)
        scores = self.scale * (tf.cast(buckets, tf.float32) / 1000.0 - 5.0)
        return {"scores": scores, "probabilities": tf.sigmoid(scores)}


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One version directory; copy it, never change it."""
    model = HashRanker()
    archive = keras.export.ExportArchive()
    archive.track(model)
    archive.add_endpoint("serving_default", model.serve)
    path = tmp_path_factory.mktemp("export") / "1"
    archive.write_out(str(path))
    return path


@pytest.fixture
def base_path(exported: Path, tmp_path: Path) -> Path:
    """A base path of its own holding version 1."""
    base = tmp_path / "base"
    shutil.copytree(exported, base / "1")
    return base


@pytest.fixture(scope="session")
def server(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    """A running server: model `sesrec`, versions 9 and 10 on disk, messages up to 1 MiB."""
    base = tmp_path_factory.mktemp("base")
    for version in ("9", "10"):
        shutil.copytree(exported, base / version)
    (base / ".tmp-11").mkdir()
    (base / "notes.txt").write_text("no version")
    manager = ModelManager("sesrec", base)
    with DevelopmentServer(workers=2, max_message_bytes=1 << 20) as running:
        manager.load_any()
        running.start(manager)
        yield running


@pytest.fixture(scope="session")
def channel(server: DevelopmentServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(server.address) as open_channel:
        yield open_channel


@pytest.fixture
def predict_request() -> predict_pb2.PredictRequest:
    """A valid request of batch 1 with 3 candidates."""
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "sesrec"
    for name, dims in request_shapes(SHAPE).items():
        shape = (1, *(3 if size is None else size for size in dims))
        request.inputs[name].CopyFrom(tf.make_tensor_proto(tf.fill(shape, f"{name}-id")))
    return request
