"""TF Serving's REST interface: paths, bodies and HTTP codes."""

from __future__ import annotations

import json
import logging
import re
import time
from urllib.parse import unquote

import grpc
from google.protobuf import json_format
from google.protobuf.message import Message
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
)

from serving.server.model_catalog import ModelCatalog
from serving.server.model_service import ModelService
from serving.server.prediction_service import SIGNATURE_FIELD, PredictionService
from serving.server.rest_predict_json import Infos, format_answer, parse_request
from serving.server.status_error import StatusError, invalid_argument
from sesrec_tf.signatures import SERVING_DEFAULT

LOG = logging.getLogger(__name__)

TIMEOUT_SECONDS = 30.0
"""TF Serving's default of --rest_api_timeout_in_ms."""

_MODEL = r"/v1/models/(?P<name>[^/:]+)(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
_PREDICT = re.compile(_MODEL + r":(?P<method>classify|regress|predict)", re.IGNORECASE)
_STATUS = re.compile(
    r"/v1/models(?:/(?P<name>[^/:]+))?(?:/versions/(?P<version>\d+)|/labels/(?P<label>[^/:]+))?"
    r"(?:/(?P<subresource>metadata))?",
    re.IGNORECASE,
)

_HTTP = {
    grpc.StatusCode.CANCELLED: 499,
    grpc.StatusCode.INVALID_ARGUMENT: 400,
    grpc.StatusCode.DEADLINE_EXCEEDED: 504,
    grpc.StatusCode.NOT_FOUND: 404,
    grpc.StatusCode.ALREADY_EXISTS: 409,
    grpc.StatusCode.PERMISSION_DENIED: 403,
    grpc.StatusCode.RESOURCE_EXHAUSTED: 429,
    grpc.StatusCode.FAILED_PRECONDITION: 400,
    grpc.StatusCode.ABORTED: 409,
    grpc.StatusCode.OUT_OF_RANGE: 400,
    grpc.StatusCode.UNIMPLEMENTED: 501,
    grpc.StatusCode.UNAVAILABLE: 503,
    grpc.StatusCode.UNAUTHENTICATED: 401,
}
"""Codes of `http_server.cc`; the others are 500."""


class RestApi:
    """Answers what `http_rest_api_handler.cc` of TF Serving answers; no classify and regress.

    Args:
        catalog: the models.
        predictions: computes Predict and metadata.
        status: computes GetModelStatus.
    """

    def __init__(
        self, catalog: ModelCatalog, predictions: PredictionService, status: ModelService
    ) -> None:
        self._catalog = catalog
        self._predictions = predictions
        self._status = status

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, bytes]:
        """HTTP code and JSON for a request."""
        if not path.lower().startswith("/v1/"):
            return 404, error_body("Not Found")
        try:
            return 200, self._answer(method, path, body)
        except StatusError as error:
            return _HTTP.get(error.code, 500), error_body(error.message)
        except Exception as error:
            LOG.exception("%s %s", method, path)
            return 500, error_body(str(error))

    def _answer(self, method: str, path: str, body: bytes) -> bytes:
        pattern = {"POST": _PREDICT, "GET": _STATUS}.get(method)
        parsed = pattern.fullmatch(path) if pattern else None
        if parsed is None:
            raise invalid_argument(f"Malformed request: {method} {path}")
        spec = _model_spec(parsed)
        if method == "GET" and not spec.name:
            raise invalid_argument("Missing model name in request.")
        if method == "GET":
            return self._metadata(spec) if parsed["subresource"] else self._statuses(spec)
        if parsed["method"].lower() != "predict":
            raise StatusError(
                grpc.StatusCode.UNIMPLEMENTED, f"{parsed['method']} is not known to this server"
            )
        return self._predict(spec, body)

    def _predict(self, spec: model_pb2.ModelSpec, body: bytes) -> bytes:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        request = predict_pb2.PredictRequest(model_spec=spec)
        by_row = parse_request(body, request, lambda name: self._inputs(spec, name))
        response = self._predictions.predict(request, deadline)
        return format_answer(response.outputs, by_row)

    def _inputs(self, spec: model_pb2.ModelSpec, signature: str) -> Infos:
        name = signature or SERVING_DEFAULT
        with self._catalog.lease(spec) as servable:
            if name not in servable.signatures:
                raise invalid_argument(
                    f'Serving signature name: "{name}" not found in signature def'
                )
            return servable.signatures[name].inputs

    def _metadata(self, spec: model_pb2.ModelSpec) -> bytes:
        request = get_model_metadata_pb2.GetModelMetadataRequest(
            model_spec=spec, metadata_field=[SIGNATURE_FIELD]
        )
        response = self._predictions.metadata(request)
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response.metadata[SIGNATURE_FIELD].Unpack(signatures)
        content = {
            "model_spec": _plain(response.model_spec),
            "metadata": {SIGNATURE_FIELD: _plain(signatures)},
        }
        return json.dumps(content, indent=1).encode()

    def _statuses(self, spec: model_pb2.ModelSpec) -> bytes:
        request = get_model_status_pb2.GetModelStatusRequest(model_spec=spec)
        return json.dumps(_plain(self._status.status(request)), indent=1).encode()


def error_body(message: str) -> bytes:
    """The JSON of every error."""
    return json.dumps({"error": message}).encode()


def _model_spec(parsed: re.Match[str]) -> model_pb2.ModelSpec:
    spec = model_pb2.ModelSpec(name=unquote(parsed["name"] or ""))
    if parsed["version"] is not None:
        if len(parsed["version"]) > 19 or int(parsed["version"]) >= 2**63:
            raise invalid_argument(f"Failed to convert version: {parsed['version']} to numeric.")
        spec.version.value = int(parsed["version"])
    if parsed["label"] is not None:
        spec.version_label = unquote(parsed["label"])
    return spec


def _plain(message: Message) -> dict[str, object]:
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
