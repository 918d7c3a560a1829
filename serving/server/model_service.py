"""`tensorflow.serving.ModelService` over a `ModelCatalog`."""

from __future__ import annotations

import grpc
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
)

from serving.server.model_catalog import ModelCatalog
from serving.server.model_spec import model_spec
from serving.server.status_error import answer, invalid_argument


class ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus and HandleReloadConfigRequest.

    Statuses and messages follow `get_model_status_impl.cc` and `model_service_impl.cc` of TF
    Serving.
    """

    def __init__(self, catalog: ModelCatalog) -> None:
        self._catalog = catalog

    def GetModelStatus(  # noqa: N802 - the method's name in the protocol
        self,
        request: get_model_status_pb2.GetModelStatusRequest,
        context: grpc.ServicerContext,
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """State of the version asked for, or of every version."""
        return answer(self.status, request, context)

    def HandleReloadConfigRequest(  # noqa: N802 - the method's name in the protocol
        self,
        request: model_management_pb2.ReloadConfigRequest,
        context: grpc.ServicerContext,
    ) -> model_management_pb2.ReloadConfigResponse:
        """Other models, policies and labels from now on."""
        return answer(self._reload, request, context)

    def status(
        self, request: get_model_status_pb2.GetModelStatusRequest
    ) -> get_model_status_pb2.GetModelStatusResponse:
        """The answer of GetModelStatus.

        Raises:
            StatusError: INVALID_ARGUMENT or NOT_FOUND.
        """
        return get_model_status_pb2.GetModelStatusResponse(
            model_version_status=self._catalog.statuses(model_spec(request))
        )

    def _reload(
        self, request: model_management_pb2.ReloadConfigRequest
    ) -> model_management_pb2.ReloadConfigResponse:
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid_argument(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. Only "
                "ModelConfigList is currently supported"
            )
        self._catalog.configure(request.config.model_config_list.config)
        response = model_management_pb2.ReloadConfigResponse()
        response.status.SetInParent()
        return response
