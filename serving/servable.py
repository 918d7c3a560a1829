"""One loaded version of a model."""

from __future__ import annotations

from pathlib import Path

import grpc
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2, saved_model_pb2
from tensorflow_serving.apis import predict_pb2

from serving.status_error import StatusError
from serving.tensor_encoding import encode_tensor
from serving.tensor_validation import METHOD_NAMES, check_method, input_tensors, output_names
from sesrec_tf.errors import InputError

DEFAULT_SIGNATURE = "serving_default"
"""Signature of a request that names none."""


class Servable:
    """A SavedModel in memory, its signatures as concrete functions.

    Args:
        path: the version's directory, holding `saved_model.pb`.
        version: its integer name.

    Raises:
        InputError: if the directory holds no SavedModel for serving, or a damaged one.
    """

    def __init__(self, path: Path, version: int) -> None:
        self.path = path
        self.version = version
        self.signatures = _read_signatures(path)
        try:
            # The object must stay alive: it owns the variables and tables of the functions.
            self._model = tf.saved_model.load(str(path))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise InputError(f"cannot load {path}: {error} Export the model again.") from error

    @property
    def predict_signatures(self) -> list[str]:
        """Names of the signatures that Predict accepts, sorted."""
        return sorted(
            name for name, value in self.signatures.items() if value.method_name in METHOD_NAMES
        )

    def predict(self, request: predict_pb2.PredictRequest) -> predict_pb2.PredictResponse:
        """Runs the signature that the request names.

        Raises:
            StatusError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs
                or outputs that do not match it, or the status of the failing operation.
        """
        name = request.model_spec.signature_name or DEFAULT_SIGNATURE
        if name not in self.signatures:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        signature = self.signatures[name]
        check_method(signature)
        inputs = input_tensors(signature, request.inputs)
        wanted = output_names(signature, request.output_filter)
        outputs = self._run(name, inputs)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        response.model_spec.version.value = self.version
        for output in wanted:
            response.outputs[output].CopyFrom(encode_tensor(outputs[output]))
        return response

    def _run(self, signature: str, inputs: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        try:
            return self._model.signatures[signature](**inputs)
        except tf.errors.OpError as error:
            raise StatusError.from_tensorflow(error) from error


def _read_signatures(path: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Signatures of the graph tagged `serve`, as GetModelMetadata reports them."""
    file = path / "saved_model.pb"
    try:
        saved_model = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    except (OSError, DecodeError) as error:
        raise InputError(
            f"cannot read {file}: {error}. Expected a SavedModel; export the model again."
        ) from error
    for graph in saved_model.meta_graphs:
        if set(graph.meta_info_def.tags) == {tf.saved_model.SERVING}:
            return dict(graph.signature_def)
    raise InputError(f"{file} holds no graph tagged `serve`. Export the model again.")
