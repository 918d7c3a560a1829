"""The part of a request that names its model."""

from __future__ import annotations

from tensorflow_serving.apis import model_pb2
from tensorflow_serving.apis.get_model_metadata_pb2 import GetModelMetadataRequest
from tensorflow_serving.apis.get_model_status_pb2 import GetModelStatusRequest
from tensorflow_serving.apis.predict_pb2 import PredictRequest

from serving.server.status_error import invalid_argument


def model_spec(
    request: PredictRequest | GetModelMetadataRequest | GetModelStatusRequest,
) -> model_pb2.ModelSpec:
    """Model, version or label, and signature that a request names.

    Raises:
        StatusError: INVALID_ARGUMENT if it names none.
    """
    if not request.HasField("model_spec"):
        raise invalid_argument("Missing ModelSpec")
    return request.model_spec
