"""REST beside gRPC: `http_rest_api_handler.cc` and `http_server.cc`, through a real socket."""

from __future__ import annotations

import http.client
import json
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import prediction_service_pb2_grpc

from serving.server.development_server import DevelopmentServer
from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import one_model
from serving.server.model_manager import ModelManager
from serving.server.rest_server import RestServer
from sesrec_tf.errors import InputError

ROW = {
    "user": "u",
    "rec_items": ["a"] * 4,
    "queries": ["q"] * 3,
    "query_sources": [""] * 3,
    "clicked_items": [["k", "l"]] * 3,
    "candidates": ["x", "y"],
}
PREDICT = "/v1/models/m:predict"


@pytest.fixture(scope="module")
def rest(exported: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DevelopmentServer]:
    base = tmp_path_factory.mktemp("rest")
    for version in ("1", "2"):
        shutil.copytree(exported, base / version)
    model = one_model("m", base)
    model.model_version_policy.all.SetInParent()
    model.version_labels["stable"] = 1
    catalog = ModelCatalog(labels_in_advance=True)
    catalog.configure([model])
    with DevelopmentServer(rest_port=0, max_message_bytes=1 << 20) as server:
        server.start(catalog)
        yield server


def ask(server: DevelopmentServer, method: str, path: str, document=None):
    """HTTP code and parsed answer."""
    body = document if isinstance(document, bytes | None) else json.dumps(document)
    connection = http.client.HTTPConnection(server.rest_address, timeout=20)
    connection.request(method, path, body)
    response = connection.getresponse()
    assert response.getheader("Content-Type").startswith("application/json")
    content = json.loads(response.read())
    connection.close()
    return response.status, content


def test_both_formats_answer_what_grpc_answers(rest, predict_request):
    predict_request.model_spec.name = "m"
    for name, value in ROW.items():
        predict_request.inputs[name].CopyFrom(tf.make_tensor_proto([value], tf.string))
    with grpc.insecure_channel(rest.address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        response = stub.Predict(predict_request, timeout=20)
    expected = {name: tf.make_ndarray(proto) for name, proto in response.outputs.items()}
    status, by_row = ask(rest, "POST", PREDICT, {"instances": [ROW]})
    assert status == 200
    columns = {name: [value] for name, value in ROW.items()}
    status, by_column = ask(rest, "POST", PREDICT, {"inputs": columns})
    assert status == 200
    for name, values in expected.items():
        np.testing.assert_array_equal(np.float32([by_row["predictions"][0][name]]), values)
        np.testing.assert_array_equal(np.float32(by_column["outputs"][name]), values)


@pytest.mark.parametrize("path", ["/versions/1", "/labels/stable", "/versions/2", ""])
def test_versions_and_labels(rest, path):
    document = {"instances": [ROW], "signature_name": "serving_default"}
    assert ask(rest, "POST", f"/v1/models/m{path}:predict", document)[0] == 200


def test_status(rest):
    entry = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    both = {"model_version_status": [{"version": "2", **entry}, {"version": "1", **entry}]}
    assert ask(rest, "GET", "/v1/models/m") == (200, both)
    # TF Serving ignores labels when it is asked for the status.
    assert ask(rest, "GET", "/v1/models/m/labels/beta") == (200, both)
    assert ask(rest, "GET", "/v1/models/m/versions/1") == (
        200,
        {"model_version_status": [{"version": "1", **entry}]},
    )


def test_metadata(rest):
    status, content = ask(rest, "GET", "/v1/models/m/versions/1/metadata")
    assert status == 200
    assert content["model_spec"] == {"name": "m", "signature_name": "", "version": "1"}
    signature = content["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["method_name"] == "tensorflow/serving/predict"
    assert signature["inputs"]["user"] == {
        "name": "serving_default_user:0",
        "dtype": "DT_STRING",
        "tensor_shape": {"dim": [{"size": "-1", "name": ""}], "unknown_rank": False},
    }


@pytest.mark.parametrize(
    ("method", "path", "document", "status", "message"),
    [
        ("POST", "/v1/models/m", {}, 400, "Malformed request: POST /v1/models/m"),
        ("PUT", PREDICT, {}, 400, f"Malformed request: PUT {PREDICT}"),
        ("GET", "/v1/models", None, 400, "Missing model name in request."),
        ("GET", "/v1/models/x", None, 404, "Could not find any versions of model x"),
        ("GET", "/v1/models/m/versions/7", None, 404, "Could not find version 7 of model m"),
        (
            "GET",
            f"/v1/models/m/versions/{'9' * 30}",
            None,
            400,
            f"Failed to convert version: {'9' * 30} to numeric.",
        ),
        (
            "GET",
            "/v1/models/x/metadata",
            None,
            404,
            "Servable not found for request: Latest(x)",
        ),
        (
            "POST",
            "/v1/models/m/labels/beta:predict",
            {"instances": [ROW]},
            400,
            "Unrecognized servable version label: beta",
        ),
        ("POST", PREDICT, b"", 400, "JSON Parse error: The document is empty"),
        (
            "POST",
            PREDICT,
            {"instances": [ROW], "signature_name": "absent"},
            400,
            'Serving signature name: "absent" not found in signature def',
        ),
        ("POST", "/v1/models/m:classify", {}, 501, "classify is not known to this server"),
        ("GET", "/metrics", None, 404, "Not Found"),
    ],
)
def test_errors(rest, method, path, document, status, message):
    assert ask(rest, method, path, document) == (status, {"error": message})


def test_the_graph_s_refusal(rest):
    status, content = ask(rest, "POST", PREDICT, {"instances": [{**ROW, "rec_items": ["a"]}]})
    assert status == 400
    assert content["error"].startswith("Shape of tensor rec_items [1,1]")


def test_oversized_body(rest):
    document = {"instances": [{**ROW, "user": "u" * (2 << 20)}]}
    status, content = ask(rest, "POST", PREDICT, document)
    assert (status, content) == (413, {"error": "The body should have at most 1048576 bytes"})
    assert ask(rest, "POST", PREDICT, {"instances": [ROW]})[0] == 200


class SlowApi:
    """Answers when it is told to."""

    def __init__(self) -> None:
        self.started, self.release = threading.Semaphore(0), threading.Event()

    def answer(self, method, path, body):
        self.started.release()
        self.release.wait(20)
        return 200, b"{}"


def get(server: RestServer) -> int:
    connection = http.client.HTTPConnection(server.address, timeout=20)
    connection.request("GET", "/")
    status = connection.getresponse().status
    connection.close()
    return status


def test_requests_beyond_the_bound_are_refused_and_those_under_way_end():
    api = SlowApi()
    with ThreadPoolExecutor(1) as workers, ThreadPoolExecutor(3) as clients:
        server = RestServer("127.0.0.1", 0, workers, 2, 1 << 20)
        server.start(api)
        waiting = [clients.submit(get, server)]
        assert api.started.acquire(timeout=20)
        waiting.append(clients.submit(get, server))
        while server._pending < 2:
            time.sleep(0.001)
        assert get(server) == 429
        stopping = clients.submit(server.stop, 20)
        while not stopping.done():
            try:
                socket.create_connection(("127.0.0.1", int(server.address[10:]))).close()
            except ConnectionRefusedError:
                break
        api.release.set()
        assert [future.result(20) for future in waiting] == [200, 200]
        stopping.result(20)


def test_port_in_use():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="--rest-api-port"):
            DevelopmentServer(rest_port=taken.getsockname()[1])


def test_rest_port_is_free_again_after_stopping(base_path):
    with DevelopmentServer(rest_port=0) as first:
        first.start(ModelManager("m", base_path))
        port = int(first.rest_address.rpartition(":")[2])
    with DevelopmentServer(rest_port=port) as second:
        assert second.rest_address == f"127.0.0.1:{port}"
