"""`tensorflow.serving.PredictionService` over a `ModelCatalog`."""

from __future__ import annotations

import math
import time

import grpc
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.model_catalog import ModelCatalog
from serving.server.model_spec import model_spec
from serving.server.status_error import answer, invalid_argument

SIGNATURE_FIELD = "signature_def"
"""The one metadata field that TF Serving knows."""


class PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; the other methods answer UNIMPLEMENTED.

    Statuses and messages follow `predict_impl.cc` and `get_model_metadata_impl.cc` of TF Serving.
    """

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog

    def Predict(  # noqa: N802 - the method's name in the protocol
        self, request: predict_pb2.PredictRequest, context: grpc.ServicerContext
    ) -> predict_pb2.PredictResponse:
        """Runs one signature of one version, unless the client has ceased to wait."""
        remaining = context.time_remaining()
        deadline = math.inf if remaining is None else time.monotonic() + remaining
        return answer(lambda message: self.predict(message, deadline), request, context)

    def GetModelMetadata(  # noqa: N802 - the method's name in the protocol
        self,
        request: get_model_metadata_pb2.GetModelMetadataRequest,
        context: grpc.ServicerContext,
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """Names, dtypes and shapes of the inputs and outputs of every signature."""
        return answer(self.metadata, request, context)

    def predict(
        self, request: predict_pb2.PredictRequest, deadline: float = math.inf
    ) -> predict_pb2.PredictResponse:
        """The answer of Predict.

        Args:
            request: names the model.
            deadline: monotonic second after which nothing is computed for it.

        Raises:
            StatusError: as `ModelCatalog.lease` and `Servable.predict`.
        """
        with self._catalog.lease(model_spec(request)) as servable:
            return servable.predict(request, deadline)

    def metadata(
        self, request: get_model_metadata_pb2.GetModelMetadataRequest
    ) -> get_model_metadata_pb2.GetModelMetadataResponse:
        """The answer of GetModelMetadata.

        Raises:
            StatusError: INVALID_ARGUMENT for another metadata field, or as `ModelCatalog.lease`.
        """
        spec = model_spec(request)
        if not request.metadata_field:
            raise invalid_argument(
                "GetModelMetadataRequest must specify at least one metadata_field"
            )
        for field in request.metadata_field:
            if field != SIGNATURE_FIELD:
                raise invalid_argument(f"Metadata field {field} is not supported")
        signatures = get_model_metadata_pb2.SignatureDefMap()
        response = get_model_metadata_pb2.GetModelMetadataResponse()
        with self._catalog.lease(spec) as servable:
            for name, signature in servable.signatures.items():
                signatures.signature_def[name].CopyFrom(signature)
            response.model_spec.version.value = servable.version
        response.model_spec.name = spec.name
        response.metadata[SIGNATURE_FIELD].Pack(signatures)
        return response
