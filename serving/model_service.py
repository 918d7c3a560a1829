"""`tensorflow.serving.ModelService` over a `ModelManager`."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from serving.model_manager import ModelManager
from serving.status_error import StatusError, answer, invalid_argument


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; reloading a configuration answers UNIMPLEMENTED.

    Statuses and messages follow `get_model_status_impl.cc` of TF Serving.
    """

    def __init__(self, manager: ModelManager) -> None:
        self._manager = manager

    def GetModelStatus(  # noqa: N802 - the method's name in the protocol
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """State of the version asked for, or of every version."""
        return answer(self._status, request, context)

    def _status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        if not request.HasField("model_spec"):
            raise invalid_argument("Missing ModelSpec")
        spec = request.model_spec
        versions = self._manager.versions if spec.name == self._manager.name else []
        if spec.HasField("version"):
            if spec.version.value not in versions:
                raise _not_found(f"version {spec.version.value} of model {spec.name}")
            versions = [spec.version.value]
        if not versions:
            raise _not_found(f"any versions of model {spec.name}")
        response = get_model_status_pb2.GetModelStatusResponse()
        for version in versions:
            status = response.model_version_status.add(
                version=version, state=get_model_status_pb2.ModelVersionStatus.AVAILABLE
            )
            status.status.SetInParent()
        return response


def _not_found(what: str) -> StatusError:
    return StatusError(grpc.StatusCode.NOT_FOUND, f"Could not find {what}")
