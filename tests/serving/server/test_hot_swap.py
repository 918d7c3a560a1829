"""New versions under load: no failed request, and every answer of one version alone."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import grpc
import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2, prediction_service_pb2_grpc

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.development_server import DevelopmentServer
from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import one_model
from serving.server.model_manager import ModelManager
from serving.server.servable import Servable

SWAPS, CLIENTS = 4, 3
VERSIONS = range(1, SWAPS + 2)


class Constant(keras.Model):
    """Answers its version number for every candidate, from a weight and from the graph."""

    def __init__(self, version: int) -> None:
        super().__init__()
        self.number = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(version), name="number"
        )
        self.version = version
        self.built = True

    @tf.function(input_signature=[tf.TensorSpec((None, None), tf.string, name="candidates")])
    def serve(self, candidates):
        ones = tf.ones(tf.shape(candidates))
        return {"weight": ones * self.number, "graph": ones * float(self.version)}


@pytest.fixture(scope="module")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("exports")
    for version in VERSIONS:
        model = Constant(version)
        archive = keras.export.ExportArchive()
        archive.track(model)
        archive.add_endpoint("serving_default", model.serve)
        archive.write_out(str(base / str(version)), verbose=False)
    return base


class Client(threading.Thread):
    """Asks without a pause until told to stop; one channel for each, all errors kept."""

    def __init__(self, address: str, stop: threading.Event) -> None:
        super().__init__()
        self._address = address
        self._ended = stop
        self.seen: list[int] = []
        self.failures: list[grpc.RpcError] = []
        self.mixed: list[predict_pb2.PredictResponse] = []

    def run(self) -> None:
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "m"
        request.inputs["candidates"].CopyFrom(tf.make_tensor_proto([["a", "b"]]))
        with grpc.insecure_channel(self._address) as channel:
            stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
            while not self._ended.is_set():
                try:
                    response = stub.Predict(request, timeout=30)
                except grpc.RpcError as error:
                    self.failures.append(error)
                    continue
                version = response.model_spec.version.value
                values = [tf.make_ndarray(proto) for proto in response.outputs.values()]
                if not all((value == version).all() for value in values):
                    self.mixed.append(response)
                self.seen.append(version)


@pytest.mark.parametrize("batching", [False, True], ids=["alone", "batching"])
def test_swaps_under_load(exports: Path, tmp_path: Path, batching: bool):
    base = tmp_path / "base"
    shutil.copytree(exports / "1", base / "1")
    parameters = BatchingParameters(8, 1000, 100, 2, pad_variable_length_inputs=True)
    scheduler = BatchScheduler(parameters) if batching else None
    catalog = ModelCatalog(
        lambda model: ModelManager(
            model.name, model.base_path, load=lambda path, n: Servable(path, n, scheduler)
        )
    )
    catalog.configure([one_model("m", base)])
    stop = threading.Event()
    with DevelopmentServer(workers=CLIENTS + 1) as server:
        server.start(catalog)
        catalog.watch(0.05)
        clients = [Client(server.address, stop) for _ in range(CLIENTS)]
        for client in clients:
            client.start()
        for version in VERSIONS[1:]:
            shutil.copytree(exports / str(version), base / ".staging")
            (base / ".staging").rename(base / str(version))
            # Every client meets every version.
            while not all(version in client.seen[-5:] for client in clients):
                assert all(client.is_alive() for client in clients)
                stop.wait(0.01)
        stop.set()
        for client in clients:
            client.join(30)
    catalog.stop()
    if scheduler is not None:
        scheduler.close()
    (manager,) = catalog.managers
    assert [client.failures for client in clients] == [[]] * CLIENTS
    assert [client.mixed for client in clients] == [[]] * CLIENTS
    for client in clients:
        assert sorted(set(client.seen)) == list(VERSIONS)
        # Once a client has seen a version, it never sees an older one.
        assert np.all(np.diff(client.seen) >= 0)
    assert manager.versions == [VERSIONS[-1]]
    assert {status.version for status in manager.statuses()} == set(VERSIONS)
