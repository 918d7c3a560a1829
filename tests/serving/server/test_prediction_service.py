"""Predict and GetModelMetadata through a real channel; messages are TF Serving's."""

from __future__ import annotations

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    predict_pb2,
    prediction_service_pb2_grpc,
)

NAMES = ["candidates", "clicked_items", "queries", "query_sources", "rec_items", "user"]


@pytest.fixture
def stub(channel: grpc.Channel) -> prediction_service_pb2_grpc.PredictionServiceStub:
    return prediction_service_pb2_grpc.PredictionServiceStub(channel)


def assert_status(call, request, code: grpc.StatusCode, message: str) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=20)
    assert (caught.value.code(), caught.value.details()) == (code, message)


def test_predict_equals_the_signature_called_in_process(stub, exported, predict_request):
    response = stub.Predict(predict_request, timeout=20)
    model = tf.saved_model.load(str(exported))
    inputs = {name: tf.make_ndarray(proto) for name, proto in predict_request.inputs.items()}
    expected = model.signatures["serving_default"](
        **{name: tf.constant(value, tf.string) for name, value in inputs.items()}
    )
    assert set(response.outputs) == {"scores", "probabilities"}
    for name, proto in response.outputs.items():
        np.testing.assert_allclose(tf.make_ndarray(proto), expected[name], atol=1e-6)
        assert list(proto.float_val), "TF Serving sends plain values, not tensor_content"
    assert response.model_spec.name == "sesrec"
    assert response.model_spec.version.value == 10
    assert response.model_spec.signature_name == "serving_default"


def test_output_filter_selects(stub, predict_request):
    predict_request.output_filter.append("scores")
    assert set(stub.Predict(predict_request, timeout=20).outputs) == {"scores"}


def test_shortened_values_are_accepted(stub, predict_request):
    expected = stub.Predict(predict_request, timeout=20)
    candidates = predict_request.inputs["candidates"]
    del candidates.string_val[1:]
    assert stub.Predict(predict_request, timeout=20) == expected


@pytest.mark.parametrize("clear", ["scores", ""])
def test_unknown_or_repeated_output(stub, predict_request, clear):
    predict_request.output_filter.extend(["scores", clear or "logits"])
    message = (
        "duplicate output tensor alias: scores"
        if clear
        else "output tensor alias not found in signature: logits Outputs expected to be in the "
        "set {probabilities,scores}."
    )
    assert_status(stub.Predict, predict_request, grpc.StatusCode.INVALID_ARGUMENT, message)


def test_empty_request(stub):
    request = predict_pb2.PredictRequest()
    assert_status(stub.Predict, request, grpc.StatusCode.INVALID_ARGUMENT, "Missing ModelSpec")
    request.model_spec.SetInParent()
    assert_status(
        stub.Predict, request, grpc.StatusCode.INVALID_ARGUMENT, "ModelSpec has no name specified."
    )


def test_unknown_model_version_and_label(stub, predict_request):
    spec = predict_request.model_spec
    spec.name = "other"
    prefix = "Servable not found for request: "
    code = grpc.StatusCode.NOT_FOUND
    assert_status(stub.Predict, predict_request, code, prefix + "Latest(other)")
    spec.name = "sesrec"
    spec.version.value = 7
    assert_status(stub.Predict, predict_request, code, prefix + "Specific(sesrec, 7)")
    # Only the highest version is loaded, TF Serving's default policy.
    spec.version.value = 9
    assert_status(stub.Predict, predict_request, code, prefix + "Specific(sesrec, 9)")
    spec.version.value = 10
    assert stub.Predict(predict_request, timeout=20).model_spec.version.value == 10
    spec.version_label = "stable"
    assert_status(
        stub.Predict,
        predict_request,
        grpc.StatusCode.INVALID_ARGUMENT,
        "Unrecognized servable version label: stable",
    )


def test_unknown_signature(stub, predict_request):
    predict_request.model_spec.signature_name = "explain"
    assert_status(
        stub.Predict,
        predict_request,
        grpc.StatusCode.FAILED_PRECONDITION,
        'Serving signature key "explain" not found.',
    )


def test_signature_that_is_no_prediction(stub, predict_request):
    predict_request.model_spec.signature_name = "__saved_model_init_op"
    predict_request.inputs.clear()
    assert_status(
        stub.Predict,
        predict_request,
        grpc.StatusCode.INVALID_ARGUMENT,
        "signature __saved_model_init_op has no outputs that can be fetched",
    )


def test_missing_and_extra_inputs(stub, predict_request):
    moved = predict_request.inputs.pop("user")
    rest = ",".join(NAMES[:-1])
    everything = ",".join(NAMES)
    code = grpc.StatusCode.INVALID_ARGUMENT
    assert_status(
        stub.Predict,
        predict_request,
        code,
        f"input size does not match signature: 5!=6 len({{{rest}}}) != len({{{everything}}}). "
        "Sent extra: {}. Missing but required: {user}.",
    )
    predict_request.inputs["users"].CopyFrom(moved)
    assert_status(
        stub.Predict,
        predict_request,
        code,
        "Signature input alias: user(feed name: serving_default_user:0) not found in request and "
        f"no default value provided. Inputs expected to be in the request {{{rest},users}}, or "
        "default input alias set: ",
    )
    predict_request.inputs["user"].CopyFrom(moved)
    assert_status(
        stub.Predict,
        predict_request,
        code,
        f"input size does not match signature: 7!=6 len({{{everything},users}}) != "
        f"len({{{everything}}}). Sent extra: {{users}}. Missing but required: {{}}.",
    )


def test_wrong_dtype(stub, predict_request):
    predict_request.inputs["clicked_items"].CopyFrom(
        tf.make_tensor_proto(np.zeros((1, 3, 2), np.int64))
    )
    # Feed names in order: candidates is 0, clicked_items 1.
    assert_status(
        stub.Predict,
        predict_request,
        grpc.StatusCode.INVALID_ARGUMENT,
        "Expects arg[1] to be string but int64 is provided",
    )


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("user", ()),
        ("user", (1, 1)),
        ("rec_items", (1, 5)),
        ("rec_items", (4,)),
        ("clicked_items", (1, 3)),
        ("candidates", (3,)),
    ],
)
def test_shapes_are_left_to_the_graph(stub, predict_request, name, shape):
    predict_request.inputs[name].CopyFrom(tf.make_tensor_proto(tf.fill(shape, "id")))
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(predict_request, timeout=20)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    details = caught.value.details()
    assert details.startswith(f"Shape of tensor {name} ["), details
    assert "[Op:" not in details
    assert "Graph execution error" not in details


@pytest.mark.parametrize("damage", ["dtype", "size"])
def test_damaged_tensor(stub, predict_request, damage):
    tensor = predict_request.inputs["user"]
    if damage == "dtype":
        tensor.dtype = 0
    else:
        tensor.tensor_shape.dim[0].size = 1 << 40
    assert_status(
        stub.Predict,
        predict_request,
        grpc.StatusCode.INVALID_ARGUMENT,
        "tensor parsing error: user",
    )


def test_oversized_message_is_refused_and_the_next_one_answered(stub, predict_request):
    user = predict_request.inputs["user"].string_val
    user[0] = b"u" * (2 << 20)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(predict_request, timeout=20)
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    user[0] = b"u"
    assert stub.Predict(predict_request, timeout=20).outputs


def test_metadata_lists_the_signatures(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = "sesrec"
    response = stub.GetModelMetadata(request, timeout=20)
    signatures = get_model_metadata_pb2.SignatureDefMap()
    assert response.metadata["signature_def"].Unpack(signatures)
    signature = signatures.signature_def["serving_default"]
    assert sorted(signature.inputs) == NAMES
    assert [dim.size for dim in signature.inputs["clicked_items"].tensor_shape.dim] == [-1, 3, 2]
    assert (response.model_spec.name, response.model_spec.version.value) == ("sesrec", 10)


def test_metadata_refusals(stub):
    request = get_model_metadata_pb2.GetModelMetadataRequest()
    code = grpc.StatusCode.INVALID_ARGUMENT
    assert_status(stub.GetModelMetadata, request, code, "Missing ModelSpec")
    request.model_spec.name = "other"
    assert_status(
        stub.GetModelMetadata,
        request,
        code,
        "GetModelMetadataRequest must specify at least one metadata_field",
    )
    request.metadata_field.append("assets")
    assert_status(stub.GetModelMetadata, request, code, "Metadata field assets is not supported")
    request.metadata_field[:] = ["signature_def"]
    assert_status(
        stub.GetModelMetadata,
        request,
        grpc.StatusCode.NOT_FOUND,
        "Servable not found for request: Latest(other)",
    )


def test_other_methods_are_unimplemented(stub):
    with pytest.raises(grpc.RpcError) as caught:
        stub.Classify(classification_pb2.ClassificationRequest(), timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
