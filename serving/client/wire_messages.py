"""The part of TF Serving's protocol that a client needs, without TensorFlow.

The generated modules of `tensorflow-serving-api` import all of TensorFlow, which takes seconds
and hundreds of megabytes; a client only moves strings and floats. The messages below have the
field numbers and types of the official ones (the tests compare them field by field), so both
sides read the same bytes. They live in a descriptor pool of their own and don't clash with the
official modules in the same process. Enumerations are integers on the wire and here, and of the
two choices of a `ModelSpec` at most one may be set: nothing here clears the other.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

PACKAGE = "sesrec_tf.wire"

DT_FLOAT = 1
"""`tensorflow.DataType` of float32."""

DT_INT32 = 3
"""`tensorflow.DataType` of int32."""

DT_STRING = 7
"""`tensorflow.DataType` of bytes."""

DT_INT64 = 9
"""`tensorflow.DataType` of int64."""

DT_BOOL = 10
"""`tensorflow.DataType` of bool."""

DTYPE_NAMES = {
    DT_FLOAT: "float32",
    2: "float64",
    DT_INT32: "int32",
    DT_STRING: "string",
    DT_INT64: "int64",
    DT_BOOL: "bool",
}
"""What NumPy calls a `tensorflow.DataType`; strings are bytes."""

VERSION_STATES = {
    0: "UNKNOWN",
    10: "START",
    20: "LOADING",
    30: "AVAILABLE",
    40: "UNLOADING",
    50: "END",
}
"""`tensorflow.serving.ModelVersionStatus.State`."""

_Field = descriptor_pb2.FieldDescriptorProto

_SCALARS = {
    "int32": _Field.TYPE_INT32,
    "int64": _Field.TYPE_INT64,
    "float": _Field.TYPE_FLOAT,
    "bool": _Field.TYPE_BOOL,
    "string": _Field.TYPE_STRING,
    "bytes": _Field.TYPE_BYTES,
}

FIELDS: dict[str, dict[str, tuple[int, str]]] = {
    "Any": {"type_url": (1, "string"), "value": (2, "bytes")},
    "Int64Value": {"value": (1, "int64")},
    "Dim": {"size": (1, "int64"), "name": (2, "string")},
    "TensorShapeProto": {"dim": (2, "repeated Dim"), "unknown_rank": (3, "bool")},
    "TensorProto": {
        "dtype": (1, "int32"),
        "tensor_shape": (2, "TensorShapeProto"),
        "tensor_content": (4, "bytes"),
        "float_val": (5, "repeated float"),
        "int_val": (7, "repeated int32"),
        "string_val": (8, "repeated bytes"),
        "int64_val": (10, "repeated int64"),
        "bool_val": (11, "repeated bool"),
    },
    "TensorInfo": {
        "name": (1, "string"),
        "dtype": (2, "int32"),
        "tensor_shape": (3, "TensorShapeProto"),
    },
    "SignatureDef": {
        "inputs": (1, "map TensorInfo"),
        "outputs": (2, "map TensorInfo"),
        "method_name": (3, "string"),
    },
    "SignatureDefMap": {"signature_def": (1, "map SignatureDef")},
    "ModelSpec": {
        "name": (1, "string"),
        "version": (2, "Int64Value"),
        "signature_name": (3, "string"),
        "version_label": (4, "string"),
    },
    "PredictRequest": {
        "model_spec": (1, "ModelSpec"),
        "inputs": (2, "map TensorProto"),
        "output_filter": (3, "repeated string"),
    },
    "PredictResponse": {"outputs": (1, "map TensorProto"), "model_spec": (2, "ModelSpec")},
    "GetModelMetadataRequest": {
        "model_spec": (1, "ModelSpec"),
        "metadata_field": (2, "repeated string"),
    },
    "GetModelMetadataResponse": {"model_spec": (1, "ModelSpec"), "metadata": (2, "map Any")},
    "GetModelStatusRequest": {"model_spec": (1, "ModelSpec")},
    "StatusProto": {"error_code": (1, "int32"), "error_message": (2, "string")},
    "ModelVersionStatus": {
        "version": (1, "int64"),
        "state": (2, "int32"),
        "status": (3, "StatusProto"),
    },
    "GetModelStatusResponse": {"model_version_status": (1, "repeated ModelVersionStatus")},
    "BytesList": {"value": (1, "repeated bytes")},
    "Feature": {"bytes_list": (1, "BytesList")},
    "Features": {"feature": (1, "map Feature")},
    "Example": {"features": (1, "Features")},
}
"""Number and type of every field, by message; a `map` has string keys."""


def _add_map_entry(message: Any, field: str, value_type: str) -> str:
    """Adds the nested message that a map field is made of; returns its name."""
    entry = message.nested_type.add(name=f"{field.title().replace('_', '')}Entry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=_Field.TYPE_STRING, label=_Field.LABEL_OPTIONAL)
    entry.field.add(
        name="value",
        number=2,
        type=_Field.TYPE_MESSAGE,
        type_name=f".{PACKAGE}.{value_type}",
        label=_Field.LABEL_OPTIONAL,
    )
    return f"{message.name}.{entry.name}"


def _add_field(message: Any, name: str, number: int, kind: str) -> None:
    modifier, _, base = kind.rpartition(" ")
    if modifier == "map":
        base = _add_map_entry(message, name, base)
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if modifier else _Field.LABEL_OPTIONAL
    if base in _SCALARS:
        field.type = _SCALARS[base]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{PACKAGE}.{base}"


def _message_classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="sesrec_tf/wire.proto", package=PACKAGE, syntax="proto3"
    )
    for name, fields in FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind) in fields.items():
            _add_field(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
        for name in FIELDS
    }


_CLASSES = _message_classes()
TensorProto: Any = _CLASSES["TensorProto"]
SignatureDefMap: Any = _CLASSES["SignatureDefMap"]
PredictRequest: Any = _CLASSES["PredictRequest"]
PredictResponse: Any = _CLASSES["PredictResponse"]
GetModelMetadataRequest: Any = _CLASSES["GetModelMetadataRequest"]
GetModelMetadataResponse: Any = _CLASSES["GetModelMetadataResponse"]
GetModelStatusRequest: Any = _CLASSES["GetModelStatusRequest"]
GetModelStatusResponse: Any = _CLASSES["GetModelStatusResponse"]
Example: Any = _CLASSES["Example"]
