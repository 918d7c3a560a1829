"""A real gRPC server whose model is a few lines of Python and whose failures are scripted."""

from __future__ import annotations

import threading
import zlib
from collections import deque
from concurrent import futures

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from sesrec_tf.schema import HistoryShape, request_shapes
from sesrec_tf.signatures import explanation_shapes, recommend_shapes

SHAPE = HistoryShape(rec_length=4, search_length=3, query_words=5, clicks=2)
CATALOGUE = ("p1", "p2", "größe", "p4")


def score_of(*texts: str) -> float:
    """Between -5 and 5, another one for other texts."""
    return zlib.crc32("\t".join(texts).encode()) % 10_000 / 1000 - 5


class ScriptedServer(
    prediction_service_pb2_grpc.PredictionServiceServicer,
    model_service_pb2_grpc.ModelServiceServicer,
):
    """Serves `serving_default`, `explain` and `recommend` of one version at a time.

    Args:
        port: 0 for a free one.
        credentials: for TLS.

    Attributes:
        shape: widths of the version served; a change is a hot swap, together with `version`.
        signatures: names of those served.
        failures: (code, message) that the next calls of Predict end with.
        before_predict: called once by the next Predict, before its widths are checked.
        lenient: whether malformed requests get an answer.
        extra_columns: how many columns a batcher adds.
        calls: method and `ModelSpec` of every call that came in.
    """

    def __init__(self, port: int = 0, credentials: grpc.ServerCredentials | None = None) -> None:
        self.shape, self.version = SHAPE, 7
        self.signatures = ["serving_default", "examples", "explain", "recommend"]
        self.lenient = False
        self.failures: deque[tuple[grpc.StatusCode, str]] = deque()
        self.before_predict = None
        self.extra_columns = 0
        self.calls: list[tuple[str, object]] = []
        self.release = threading.Event()
        self.release.set()
        self._server = grpc.server(
            futures.ThreadPoolExecutor(4),
            options=[("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", -1)],
        )
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(self, self._server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(self, self._server)
        if credentials is None:
            self.port = self._server.add_insecure_port(f"127.0.0.1:{port}")
        else:
            self.port = self._server.add_secure_port(f"127.0.0.1:{port}", credentials)
        self.address = f"127.0.0.1:{self.port}"
        self._server.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.release.set()
        self._server.stop(0).wait()

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def GetModelMetadata(self, request, context):  # noqa: N802
        self.calls.append(("GetModelMetadata", request.model_spec))
        signatures = get_model_metadata_pb2.SignatureDefMap()
        for name in self.signatures:
            self._describe(name, signatures.signature_def[name])
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        response.model_spec.version.value = self.version
        response.metadata["signature_def"].Pack(signatures)
        return response

    def GetModelStatus(self, request, context):  # noqa: N802
        self.calls.append(("GetModelStatus", request.model_spec))
        response = get_model_status_pb2.GetModelStatusResponse()
        response.model_version_status.add(version=self.version, state="AVAILABLE")
        failed = response.model_version_status.add(version=self.version - 1, state="END")
        failed.status.error_code = 2
        failed.status.error_message = "[no] memory"
        return response

    def Predict(self, request, context):  # noqa: N802
        self.calls.append(("Predict", request.model_spec))
        self.release.wait(30)
        if self.failures:
            context.abort(*self.failures.popleft())
        if self.before_predict is not None:
            hook, self.before_predict = self.before_predict, None
            hook()
        name = request.model_spec.signature_name
        problem = self._problem(name, request.inputs)
        if problem and not self.lenient:
            context.abort(*problem)
        inputs = {key: _strings(value) for key, value in request.inputs.items()}
        if name == "examples":
            inputs = _requests_of(tf.make_ndarray(request.inputs["examples"]))
        response = predict_pb2.PredictResponse()
        response.model_spec.version.value = self.version
        outputs = self._answer(name, inputs)
        for key in request.output_filter or outputs:
            response.outputs[key].CopyFrom(tf.make_tensor_proto(outputs[key]))
        return response

    def _problem(self, name, inputs):
        if name not in self.signatures:
            return grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
        expected = self._inputs(name)
        if set(inputs) != set(expected):
            missing = ",".join(sorted(set(expected) - set(inputs)))
            return grpc.StatusCode.INVALID_ARGUMENT, f"Missing but required: {{{missing}}}."
        for key, dims in expected.items():
            sizes = [dim.size for dim in inputs[key].tensor_shape.dim]
            if inputs[key].dtype != tf.string.as_datatype_enum:
                return grpc.StatusCode.INVALID_ARGUMENT, "Expects arg[0] to be string"
            if any(s not in (None, got) for s, got in zip(dims, sizes[1:], strict=True)):
                return (
                    grpc.StatusCode.INVALID_ARGUMENT,
                    f"assertion failed: [`{key}` should have the shape {dims}. Received the "
                    f"shape:] {sizes}\n\t [[{{{{node Assert_{key}}}}}]]",
                )
        return None

    def _inputs(self, name):
        if name == "examples":
            return {"examples": ()}
        return recommend_shapes(self.shape) if name == "recommend" else request_shapes(self.shape)

    def _describe(self, name, definition):
        outputs = {"scores": (tf.float32, (None,)), "probabilities": (tf.float32, (None,))}
        if name == "recommend":
            outputs["items"] = (tf.string, (len(CATALOGUE),))
        if name == "explain":
            for key, dims in explanation_shapes(self.shape).items():
                outputs[key] = (tf.int32 if "similar" in key else tf.float32, dims)
        for tensors, infos in (
            ({key: (tf.string, dims) for key, dims in self._inputs(name).items()}, "inputs"),
            (outputs, "outputs"),
        ):
            for key, (dtype, dims) in tensors.items():
                info = getattr(definition, infos)[key]
                info.dtype = dtype.as_datatype_enum
                info.tensor_shape.CopyFrom(tf.TensorShape((None, *dims)).as_proto())

    def _answer(self, name, inputs):
        candidates = inputs.get("candidates")
        if name == "recommend":
            seen = {*inputs["rec_items"].ravel(), *inputs["clicked_items"].ravel()}
            items = sorted(CATALOGUE, key=lambda i: (i in seen, -score_of(inputs["user"][0], i)))
            candidates = np.array([["" if item in seen else item for item in items]], object)
        scores = np.array(
            [
                [score_of(user, item) for item in row]
                for user, row in zip(inputs.get("user", ["nobody"]), candidates, strict=True)
            ],
            np.float32,
        )
        scores = np.pad(scores, ((0, 0), (0, self.extra_columns)), constant_values=9)
        outputs = {"scores": scores, "probabilities": 1 / (1 + np.exp(-scores))}
        if name == "recommend":
            outputs["items"] = np.pad(candidates, ((0, 0), (0, self.extra_columns))).astype(object)
            outputs["items"][outputs["items"] == 0] = ""
        if name == "explain":
            for side, events in (("rec", inputs["rec_items"]), ("search", inputs["queries"])):
                places = np.arange(events.shape[1])[None]
                held = (events != "").astype(np.float32)
                similar, dissimilar = (
                    np.where((held * chosen).any(1, keepdims=True), held * chosen, held)
                    for chosen in (places != 1, places >= 1)
                )
                outputs[f"{side}_weights"] = _shares(held)
                outputs[f"{side}_similar"] = similar.astype(np.int32)
                outputs[f"{side}_dissimilar"] = dissimilar.astype(np.int32)
                sets = np.stack([held, similar, dissimilar], axis=-1)
                outputs[f"{side}_interests"] = _shares(sets * (1 + places[..., None]))
        return {
            key: value.astype(np.float32) if value.dtype == np.float64 else value
            for key, value in outputs.items()
        }


def _shares(weights):
    """Of the sum over the events, axis 1; 0 where there are none."""
    total = weights.sum(1, keepdims=True)
    return weights / np.where(total == 0, 1, total)


def _strings(tensor):
    values = tf.make_ndarray(tensor)
    if values.dtype != object:
        return values.astype(str).astype(object)
    return np.vectorize(lambda value: value.decode("utf-8", "replace"), otypes=[object])(values)


def _requests_of(serialized):
    rows = [tf.train.Example.FromString(value).features.feature for value in serialized]
    candidates = [[v.decode() for v in row["candidates"].bytes_list.value] for row in rows]
    width = max(len(row) for row in candidates)
    return {
        "user": [row["user"].bytes_list.value[0].decode() for row in rows],
        "candidates": [row + [""] * (width - len(row)) for row in candidates],
    }
