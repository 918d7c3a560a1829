"""What TF Serving answers to a request that it refuses, case by case.

Every row names the file of TF Serving (or of TensorFlow, in parentheses) whose message it is.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import numpy as np
import pytest
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_serving.apis import (
    classification_pb2,
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_management_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from serving.server.batch_scheduler import BatchScheduler
from serving.server.batching_parameters import BatchingParameters
from serving.server.development_server import DevelopmentServer
from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import one_model
from serving.server.model_manager import ModelManager
from serving.server.servable import Servable

NAMES = "candidates,clicked_items,queries,query_sources,rec_items,user"
INVALID = grpc.StatusCode.INVALID_ARGUMENT
NOT_FOUND = grpc.StatusCode.NOT_FOUND
PRECONDITION = grpc.StatusCode.FAILED_PRECONDITION

Request = predict_pb2.PredictRequest


class Case(NamedTuple):
    """A request that is refused."""

    name: str
    change: Callable[[Any], Any]
    code: grpc.StatusCode
    message: str
    source: str


def tensor(values, dtype=tf.string):
    return tf.make_tensor_proto(values, dtype)


def put(name: str, proto) -> Callable[[Request], None]:
    return lambda request: request.inputs[name].CopyFrom(proto)


def drop(name: str) -> Callable[[Request], Any]:
    return lambda request: request.inputs.pop(name)


def spec(**fields) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        for field, value in fields.items():
            if field == "version":
                request.model_spec.version.value = value
            else:
                setattr(request.model_spec, field, value)

    return change


def rename(old: str, new: str) -> Callable[[Request], None]:
    return lambda request: request.inputs[new].CopyFrom(request.inputs.pop(old))


def dims(name: str, *sizes: int) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        shape = request.inputs[name].tensor_shape
        del shape.dim[:]
        for size in sizes:
            shape.dim.add(size=size)

    return change


def content(name: str, raw: bytes) -> Callable[[Request], None]:
    return lambda request: setattr(request.inputs[name], "tensor_content", raw)


def filtered(*names: str) -> Callable[[Request], None]:
    return lambda request: request.output_filter.extend(names)


PREDICT = [
    Case(
        "no model spec",
        lambda request: request.ClearField("model_spec"),
        INVALID,
        "Missing ModelSpec",
        "predict_impl.cc",
    ),
    Case(
        "no model name",
        spec(name=""),
        INVALID,
        "ModelSpec has no name specified.",
        "server_core.cc",
    ),
    Case(
        "other model",
        spec(name="other"),
        NOT_FOUND,
        "Servable not found for request: Latest(other)",
        "basic_manager.cc",
    ),
    Case(
        "other version",
        spec(version=7),
        NOT_FOUND,
        "Servable not found for request: Specific(m, 7)",
        "basic_manager.cc",
    ),
    Case(
        "negative version",
        spec(version=-1),
        NOT_FOUND,
        "Servable not found for request: Specific(m, -1)",
        "basic_manager.cc",
    ),
    Case(
        "unknown label",
        spec(version_label="beta"),
        INVALID,
        "Unrecognized servable version label: beta",
        "server_core.cc",
    ),
    Case(
        "unknown label of another model",
        spec(name="other", version_label="stable"),
        INVALID,
        "Unrecognized servable version label: stable",
        "server_core.cc",
    ),
    Case(
        "label of a version that is not served",
        spec(version_label="next"),
        NOT_FOUND,
        "Servable not found for request: Specific(m, 8)",
        "basic_manager.cc",
    ),
    Case(
        "unknown signature",
        spec(signature_name="absent"),
        PRECONDITION,
        'Serving signature key "absent" not found.',
        "predict_util.cc",
    ),
    Case(
        "signature of the initialisation",
        spec(signature_name="__saved_model_init_op"),
        INVALID,
        f"input size does not match signature: 6!=0 len({{{NAMES}}}) != len({{}}). "
        f"Sent extra: {{{NAMES}}}. Missing but required: {{}}.",
        "predict_util.cc",
    ),
    Case(
        "missing input",
        drop("user"),
        INVALID,
        f"input size does not match signature: 5!=6 len({{{NAMES[:-5]}}}) != len({{{NAMES}}}). "
        "Sent extra: {}. Missing but required: {user}.",
        "predict_util.cc",
    ),
    Case(
        "extra input",
        put("age", tensor(["7"])),
        INVALID,
        f"input size does not match signature: 7!=6 len({{age,{NAMES}}}) != len({{{NAMES}}}). "
        "Sent extra: {age}. Missing but required: {}.",
        "predict_util.cc",
    ),
    Case(
        "no input",
        lambda request: request.inputs.clear(),
        INVALID,
        f"input size does not match signature: 0!=6 len({{}}) != len({{{NAMES}}}). "
        f"Sent extra: {{}}. Missing but required: {{{NAMES}}}.",
        "predict_util.cc",
    ),
    Case(
        "input of another name",
        rename("user", "users"),
        INVALID,
        "Signature input alias: user(feed name: serving_default_user:0) not found in request and "
        f"no default value provided. Inputs expected to be in the request {{{NAMES}s}}, or "
        "default input alias set: ",
        "(cc/saved_model/util.cc)",
    ),
    Case(
        "no dtype",
        lambda request: request.inputs["user"].ClearField("dtype"),
        INVALID,
        "tensor parsing error: user",
        "(cc/saved_model/util.cc)",
    ),
    Case(
        "negative size",
        dims("user", -1),
        INVALID,
        "tensor parsing error: user",
        "(cc/saved_model/util.cc)",
    ),
    Case(
        "size beyond 64 bits",
        dims("user", 2**62, 2**62),
        INVALID,
        "tensor parsing error: user",
        "(cc/saved_model/util.cc)",
    ),
    Case(
        "truncated content",
        content("candidates", b"\x05\x05\x05abc"),
        INVALID,
        "tensor parsing error: candidates",
        "(cc/saved_model/util.cc)",
    ),
    Case(
        "unknown output",
        filtered("logits"),
        INVALID,
        "output tensor alias not found in signature: logits Outputs expected to be in the set "
        "{probabilities,scores}.",
        "predict_util.cc",
    ),
    Case(
        "repeated output",
        filtered("scores", "scores"),
        INVALID,
        "duplicate output tensor alias: scores",
        "predict_util.cc",
    ),
    Case(
        "unknown output and wrong dtype: outputs first",
        lambda request: (
            put("user", tensor([7], tf.int64))(request),
            filtered("logits")(request),
        ),
        INVALID,
        "output tensor alias not found in signature: logits Outputs expected to be in the set "
        "{probabilities,scores}.",
        "predict_util.cc",
    ),
    Case(
        "integers for strings",
        put("clicked_items", tensor(np.zeros((1, 3, 2)), tf.int64)),
        INVALID,
        "Expects arg[1] to be string but int64 is provided",
        "(core/framework/function.cc)",
    ),
    Case(
        "floats for strings",
        put("candidates", tensor(np.zeros((1, 3)), tf.float32)),
        INVALID,
        "Expects arg[0] to be string but float is provided",
        "(core/framework/function.cc)",
    ),
]

BATCHING = [
    Case(
        "scalar input",
        put("user", tensor("u")),
        INVALID,
        "Batching Run() input tensors must have at least one dimension",
        "batching_util.h",
    ),
    Case(
        "different numbers of rows",
        put("user", tensor(["u", "v"])),
        INVALID,
        "Batching Run() input tensors must have equal 0th-dimension size",
        "batching_util.h",
    ),
    Case(
        "more rows than a batch has",
        lambda request: [
            proto.tensor_shape.dim[0].__setattr__("size", 5) for proto in request.inputs.values()
        ],
        INVALID,
        "Task size 5 is larger than maximum input batch size 4",
        "(core/kernels/batching_util/shared_batch_scheduler.h)",
    ),
]


def metadata(*fields: str, name: str = "m", **choice) -> Any:
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
    request.model_spec.name = name
    for key, value in choice.items():
        setattr(request.model_spec, key, value)
    return request


METADATA = [
    Case(
        "no model spec",
        lambda _: get_model_metadata_pb2.GetModelMetadataRequest(),
        INVALID,
        "Missing ModelSpec",
        "get_model_metadata_impl.cc",
    ),
    Case(
        "no field",
        lambda _: metadata(),
        INVALID,
        "GetModelMetadataRequest must specify at least one metadata_field",
        "get_model_metadata_impl.cc",
    ),
    Case(
        "other field",
        lambda _: metadata("assets"),
        INVALID,
        "Metadata field assets is not supported",
        "get_model_metadata_impl.cc",
    ),
    Case(
        "other model",
        lambda _: metadata("signature_def", name="other"),
        NOT_FOUND,
        "Servable not found for request: Latest(other)",
        "basic_manager.cc",
    ),
    Case(
        "unknown label",
        lambda _: metadata("signature_def", version_label="beta"),
        INVALID,
        "Unrecognized servable version label: beta",
        "server_core.cc",
    ),
]


def status(name: str, version: int | None = None) -> Any:
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = name
    if version is not None:
        request.model_spec.version.value = version
    return request


STATUS = [
    Case(
        "no model spec",
        lambda _: get_model_status_pb2.GetModelStatusRequest(),
        INVALID,
        "Missing ModelSpec",
        "get_model_status_impl.cc",
    ),
    Case(
        "no model name",
        lambda _: status(""),
        NOT_FOUND,
        "Could not find any versions of model ",
        "get_model_status_impl.cc",
    ),
    Case(
        "other model",
        lambda _: status("other"),
        NOT_FOUND,
        "Could not find any versions of model other",
        "get_model_status_impl.cc",
    ),
    Case(
        "other version",
        lambda _: status("m", 7),
        NOT_FOUND,
        "Could not find version 7 of model m",
        "get_model_status_impl.cc",
    ),
]


def reload(text: str) -> Any:
    return text_format.Parse(text, model_management_pb2.ReloadConfigRequest())


def models(*texts: str) -> str:
    return "config { model_config_list { " + "".join(f"config {{ {t} }}" for t in texts) + "} }"


MODEL = 'name: "m" base_path: "/absent" model_platform: "tensorflow" '
RELOAD = [
    Case(
        "no configuration",
        lambda _: reload(""),
        INVALID,
        "ServerModelConfig type not supported by HandleReloadConfigRequest. Only ModelConfigList "
        "is currently supported",
        "model_service_impl.cc",
    ),
    Case(
        "model listed twice",
        lambda _: reload(models(MODEL, MODEL)),
        INVALID,
        "Illegal to list model m multiple times in config list",
        "server_core.cc",
    ),
    Case(
        "relative path",
        lambda _: reload(models(MODEL.replace("/absent", "export"))),
        INVALID,
        "Expected model m to have an absolute path or URI; got base_path()=export",
        "server_core.cc",
    ),
    Case(
        "no platform",
        lambda _: reload(models('name: "m" base_path: "/absent"')),
        INVALID,
        "Illegal setting neither ModelServerConfig::model_type (deprecated) nor "
        "ModelServerConfig::model_platform, model name is m",
        "server_core.cc",
    ),
    Case(
        "label in use for a version that is not served",
        lambda _: reload(models(MODEL + 'version_labels { key: "stable" value: 7 }')),
        PRECONDITION,
        "Request to assign label to version 7 of model m, which is not currently available for "
        "inference",
        "server_core.cc",
    ),
]


@pytest.fixture(scope="module", params=["alone", "batching"])
def address(
    request: pytest.FixtureRequest, exported: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """Versions 1 and 2 of model `m`; labels `stable`, and `next` for one that is not there."""
    base = tmp_path_factory.mktemp("table")
    for version in ("1", "2"):
        shutil.copytree(exported, base / version)
    scheduler = None
    if request.param == "batching":
        scheduler = BatchScheduler(BatchingParameters(4, pad_variable_length_inputs=True))
    catalog = ModelCatalog(
        lambda model: ModelManager(
            model.name,
            model.base_path,
            model.model_version_policy,
            load=lambda path, number: Servable(path, number, scheduler),
        ),
        labels_in_advance=True,
    )
    model = one_model("m", base)
    text_format.Parse("all {}", model.model_version_policy)
    model.version_labels["stable"] = 1
    model.version_labels["next"] = 8
    catalog.configure([model])
    with DevelopmentServer() as server:
        server.start(catalog)
        yield server.address
    if scheduler is not None:
        scheduler.close()


@pytest.fixture(scope="module")
def table_channel(address: str) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(address) as channel:
        yield channel


def check(call, request, case: Case) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        call(request, timeout=20)
    assert (caught.value.code(), caught.value.details()) == (case.code, case.message), case.source


def named(cases: list[Case]) -> Any:
    return pytest.mark.parametrize("case", cases, ids=[case.name for case in cases])


@named(PREDICT)
def test_predict(table_channel, predict_request, case):
    predict_request.model_spec.name = "m"
    case.change(predict_request)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    check(stub.Predict, predict_request, case)


@named(BATCHING)
@pytest.mark.parametrize("address", ["batching"], indirect=True)
def test_predict_with_batching(table_channel, predict_request, case):
    predict_request.model_spec.name = "m"
    case.change(predict_request)
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    check(stub.Predict, predict_request, case)


@named(METADATA)
def test_metadata(table_channel, case):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    check(stub.GetModelMetadata, case.change(None), case)


@named(STATUS)
def test_status(table_channel, case):
    stub = model_service_pb2_grpc.ModelServiceStub(table_channel)
    check(stub.GetModelStatus, case.change(None), case)


@named(RELOAD)
def test_reload(table_channel, case):
    stub = model_service_pb2_grpc.ModelServiceStub(table_channel)
    check(stub.HandleReloadConfigRequest, case.change(None), case)


def test_refusals_of_the_graph_are_its_own(table_channel, predict_request):
    """Shapes are left to the graph, with and without batching."""
    predict_request.model_spec.name = "m"
    predict_request.inputs["rec_items"].CopyFrom(tensor([["too", "narrow"]]))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Predict(predict_request, timeout=20)
    assert caught.value.code() == INVALID
    assert caught.value.details().startswith("Shape of tensor rec_items [1,2]")


def test_labels_and_versions_are_answered(table_channel, predict_request):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    for choice, version in (({}, 2), ({"version": 1}, 1), ({"version_label": "stable"}, 1)):
        predict_request.model_spec.Clear()
        spec(name="m", **choice)(predict_request)
        response = stub.Predict(predict_request, timeout=20)
        assert response.model_spec.version.value == version
        assert response.model_spec.WhichOneof("version_choice") == "version"


def test_status_ignores_labels(table_channel):
    request = status("m")
    request.model_spec.version_label = "beta"
    stub = model_service_pb2_grpc.ModelServiceStub(table_channel)
    response = stub.GetModelStatus(request, timeout=20)
    # ServableStateMonitor::VersionMap is ordered by falling version.
    assert [entry.version for entry in response.model_version_status] == [2, 1]


def test_other_methods(table_channel):
    stub = prediction_service_pb2_grpc.PredictionServiceStub(table_channel)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Classify(classification_pb2.ClassificationRequest(), timeout=20)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED
