"""The client's messages are the official ones, field by field."""

from __future__ import annotations

import subprocess
import sys

import pytest
import tensorflow as tf
from google.protobuf import any_pb2, wrappers_pb2
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto
from google.protobuf.message import Message
from tensorflow.core.example import example_pb2, feature_pb2
from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_pb2,
    predict_pb2,
    status_pb2,
)

from serving.client import wire_messages

OFFICIAL = {
    "Any": any_pb2.Any,
    "Int64Value": wrappers_pb2.Int64Value,
    "Dim": tensor_shape_pb2.TensorShapeProto.Dim,
    "TensorShapeProto": tensor_shape_pb2.TensorShapeProto,
    "TensorProto": tensor_pb2.TensorProto,
    "TensorInfo": meta_graph_pb2.TensorInfo,
    "SignatureDef": meta_graph_pb2.SignatureDef,
    "SignatureDefMap": get_model_metadata_pb2.SignatureDefMap,
    "ModelSpec": model_pb2.ModelSpec,
    "PredictRequest": predict_pb2.PredictRequest,
    "PredictResponse": predict_pb2.PredictResponse,
    "GetModelMetadataRequest": get_model_metadata_pb2.GetModelMetadataRequest,
    "GetModelMetadataResponse": get_model_metadata_pb2.GetModelMetadataResponse,
    "GetModelStatusRequest": get_model_status_pb2.GetModelStatusRequest,
    "StatusProto": status_pb2.StatusProto,
    "ModelVersionStatus": get_model_status_pb2.ModelVersionStatus,
    "GetModelStatusResponse": get_model_status_pb2.GetModelStatusResponse,
    "BytesList": feature_pb2.BytesList,
    "Feature": feature_pb2.Feature,
    "Features": feature_pb2.Features,
    "Example": example_pb2.Example,
}


def wire_forms(message: DescriptorProto) -> dict[str, tuple]:
    """What decides the bytes of each field: number, repetition, type, and message name."""
    entries = {nested.name: nested for nested in message.nested_type}
    forms = {}
    for field in message.field:
        is_enum = field.type == FieldDescriptorProto.TYPE_ENUM
        kind = FieldDescriptorProto.TYPE_INT32 if is_enum else field.type
        name = "" if is_enum else field.type_name.rpartition(".")[2]
        entry = wire_forms(entries[name]) if name in entries and name.endswith("Entry") else None
        forms[field.name] = (field.number, field.label, kind, name, entry)
    return forms


def described(message_class: type[Message]) -> DescriptorProto:
    proto = DescriptorProto()
    message_class.DESCRIPTOR.CopyToProto(proto)
    return proto


@pytest.mark.parametrize("name", wire_messages.FIELDS)
def test_fields_are_the_official_ones(name):
    ours = wire_forms(described(wire_messages._CLASSES[name]))
    official = wire_forms(described(OFFICIAL[name]))
    assert ours == {field: official[field] for field in wire_messages.FIELDS[name]}


def test_importing_the_client_does_not_import_tensorflow():
    code = "import sys, serving.client; sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_enumerations_are_the_official_ones():
    states = get_model_status_pb2.ModelVersionStatus.State.items()
    assert {number: name for name, number in states} == wire_messages.VERSION_STATES
    for number, name in wire_messages.DTYPE_NAMES.items():
        assert tf.dtypes.as_dtype(number).name == name
