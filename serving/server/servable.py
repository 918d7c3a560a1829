"""One loaded version of a model."""

from __future__ import annotations

import math
import time
from functools import partial
from pathlib import Path

import grpc
import numpy as np
import tensorflow as tf
from google.protobuf.message import DecodeError
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server.batch_scheduler import BatchScheduler
from serving.server.signature_batcher import SignatureBatcher
from serving.server.status_error import StatusError, invalid_argument
from serving.server.tensor_decoding import as_array
from serving.server.tensor_encoding import encode_tensor
from serving.server.tensor_validation import check_dtypes, input_tensors, output_names
from serving.server.version_error import VersionError
from sesrec_tf.servable.saved_model import serving_signatures
from sesrec_tf.signatures import SERVING_DEFAULT
from sesrec_tf.version_layout import SAVED_MODEL_FILE

Arrays = dict[str, np.ndarray]


class Servable:
    """A SavedModel in memory, its signatures as concrete functions.

    Args:
        path: the version's directory, holding `saved_model.pb`.
        version: its integer name.
        scheduler: puts requests together; each runs alone when `None`.

    Raises:
        VersionError: if the directory holds no SavedModel for serving, or a damaged one.
    """

    def __init__(self, path: Path, version: int, scheduler: BatchScheduler | None = None) -> None:
        self.path = path
        self.version = version
        self.signatures = _read_signatures(path)
        try:
            # The object must stay alive: it owns the variables and tables of the functions.
            self._model = tf.saved_model.load(str(path))
        except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
            raise VersionError(f"cannot load {path}: {error} Export the model again.") from error
        self._batchers: dict[str, SignatureBatcher] = {}
        if scheduler is not None:
            self._batchers = {
                name: SignatureBatcher(partial(self._run, name), self.signatures[name], scheduler)
                for name in self.predict_signatures
            }

    @property
    def predict_signatures(self) -> list[str]:
        """Names of the signatures that Predict can run, sorted."""
        return sorted(name for name in self.signatures if name in self._model.signatures)

    def predict(
        self, request: predict_pb2.PredictRequest, deadline: float = math.inf
    ) -> predict_pb2.PredictResponse:
        """Runs the signature that the request names.

        Args:
            request: of any model and version.
            deadline: monotonic second after which nothing is computed for it.

        Raises:
            StatusError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs
                or outputs that do not match it, or the status of the failing operation.
        """
        name = request.model_spec.signature_name or SERVING_DEFAULT
        if name not in self.signatures:
            raise StatusError(
                grpc.StatusCode.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.'
            )
        inputs = input_tensors(self.signatures[name], request.inputs)
        wanted = output_names(self.signatures[name], request.output_filter)
        outputs = self.run(name, inputs, deadline)
        response = predict_pb2.PredictResponse()
        response.model_spec.name = request.model_spec.name
        response.model_spec.signature_name = name
        response.model_spec.version.value = self.version
        for output in wanted:
            response.outputs[output].CopyFrom(encode_tensor(outputs[output]))
        return response

    def run(self, signature: str, inputs: Arrays, deadline: float = math.inf) -> Arrays:
        """Every output of a signature for its inputs.

        Raises:
            StatusError: as `predict`; DEADLINE_EXCEEDED when it is too late to begin.
        """
        check_dtypes(self.signatures[signature], inputs)
        if time.monotonic() > deadline:
            raise StatusError(grpc.StatusCode.DEADLINE_EXCEEDED, "Deadline Exceeded")
        if signature in self._batchers:
            return self._batchers[signature].run(inputs, deadline)
        return self._run(signature, inputs)

    def close(self) -> None:
        """Gives up the batching queues; the memory goes with the last reference."""
        for batcher in self._batchers.values():
            batcher.close()
        # They refer back to this object.
        self._batchers = {}

    def _run(self, signature: str, inputs: Arrays) -> Arrays:
        if signature not in self._model.signatures:
            raise invalid_argument(f"signature {signature} has no outputs that can be fetched")
        tensors = {name: tf.constant(value) for name, value in inputs.items()}
        try:
            outputs = self._model.signatures[signature](**tensors)
        except tf.errors.OpError as error:
            raise StatusError.from_tensorflow(error) from error
        except UnicodeDecodeError as error:
            raise StatusError.from_undecodable(error) from error
        return {name: as_array(value) for name, value in outputs.items()}


def _read_signatures(path: Path) -> dict[str, meta_graph_pb2.SignatureDef]:
    """Signatures of the graph tagged `serve`, as GetModelMetadata reports them."""
    file = path / SAVED_MODEL_FILE
    try:
        signatures = serving_signatures(file.read_bytes())
    except OSError as error:
        raise VersionError(
            f"cannot read {file}: {error.strerror}. Expected a SavedModel; export the model again.",
            grpc.StatusCode.NOT_FOUND,
        ) from error
    except DecodeError as error:
        raise VersionError(
            f"cannot read {file}: {error}. Expected a SavedModel; export the model again."
        ) from error
    if not signatures:
        raise VersionError(
            f"{file} holds no graph tagged `serve` with signatures. Export the model again."
        )
    return signatures
