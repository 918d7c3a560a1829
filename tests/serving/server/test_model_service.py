"""GetModelStatus through a real channel."""

from __future__ import annotations

import grpc
import pytest
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc


@pytest.fixture
def stub(channel: grpc.Channel) -> model_service_pb2_grpc.ModelServiceStub:
    return model_service_pb2_grpc.ModelServiceStub(channel)


def status_request(name: str, version: int | None = None):
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


@pytest.mark.parametrize("version", [None, 10])
def test_served_version_is_available(stub, version):
    response = stub.GetModelStatus(status_request("sesrec", version), timeout=20)
    (status,) = response.model_version_status
    assert (status.version, status.state) == (10, status.AVAILABLE)
    assert (status.status.error_code, status.status.error_message) == (0, "")


@pytest.mark.parametrize(
    ("request_", "code", "message"),
    [
        (
            get_model_status_pb2.GetModelStatusRequest(),
            grpc.StatusCode.INVALID_ARGUMENT,
            "Missing ModelSpec",
        ),
        (
            status_request("other"),
            grpc.StatusCode.NOT_FOUND,
            "Could not find any versions of model other",
        ),
        (
            status_request("sesrec", 3),
            grpc.StatusCode.NOT_FOUND,
            "Could not find version 3 of model sesrec",
        ),
    ],
)
def test_refusals(stub, request_, code, message):
    with pytest.raises(grpc.RpcError) as caught:
        stub.GetModelStatus(request_, timeout=20)
    assert (caught.value.code(), caught.value.details()) == (code, message)
