"""One tensor as JSON: `json_tensor.cc` of TF Serving."""

from __future__ import annotations

import base64
import binascii
import json
from typing import Any

import grpc
import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

from serving.server.dtype_names import name_in_cpp
from serving.server.status_error import StatusError, invalid_argument
from serving.server.tensor_encoding import encode_tensor

_EXCERPT_CHARACTERS = 256
_BYTES_SUFFIX = "_bytes"
"""End of the names of string outputs that are sent in base64."""

_INTEGERS = (tf.int8, tf.int16, tf.int32, tf.int64, tf.uint8, tf.uint32, tf.uint64)
_JSON_TYPES = {
    type(None): "Null",
    dict: "Object",
    list: "Array",
    str: "String",
    int: "Number",
    float: "Number",
}


def is_base64(value: Any) -> bool:
    """Whether a JSON value is a string of bytes, `{"b64": "..."}`."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def flatten(value: Any, dtype: tf.DType) -> tuple[list[int], list[Any]]:
    """Shape and elements of a value, a list of lists as deep as its first elements.

    Raises:
        StatusError: INVALID_ARGUMENT for lists of different lengths or depths, or an element of
            another type.
    """
    shape: list[int] = []
    first = value
    while isinstance(first, list):
        shape.append(len(first))
        first = first[0] if first else None
    flat: list[Any] = []
    _append(value, 0, shape, dtype, flat)
    return shape, flat


def make_tensor(flat: list[Any], shape: list[int], dtype: tf.DType) -> tensor_pb2.TensorProto:
    """The message of a tensor.

    Raises:
        StatusError: INVALID_ARGUMENT for an integer that its type cannot hold.
    """
    try:
        return encode_tensor(np.array(flat, dtype.as_numpy_dtype).reshape(shape))
    except (OverflowError, ValueError) as error:
        raise invalid_argument(f"JSON Value: {error}") from error


def plain_values(name: str, tensor: tensor_pb2.TensorProto) -> Any:
    """Nested lists of an output.

    Floats have the digits that tell them from their neighbours, as in TF Serving.
    """
    values = tf.make_ndarray(tensor)
    if values.dtype == object:
        as_bytes = name.endswith(_BYTES_SUFFIX)
        return np.vectorize(lambda item: _text(item, as_bytes), [object])(values).tolist()
    if values.dtype == np.float32:
        return values.astype(str).astype(np.float64).tolist()
    return values.tolist()


def excerpt(value: Any) -> str:
    """The beginning of a JSON value, for a message."""
    return json.dumps(value)[:_EXCERPT_CHARACTERS]


def _append(value: Any, level: int, shape: list[int], dtype: tf.DType, flat: list[Any]) -> None:
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid_argument(
                f"JSON Value: {excerpt(value)} found at incorrect level: {level + 1} in the JSON "
                f"DOM. Expected at level: {len(shape)}"
            )
        flat.append(_element(value, dtype))
        return
    if level >= len(shape):
        raise invalid_argument(
            f"Encountered list at unexpected level: {level} expected < {len(shape)}"
        )
    if len(value) != shape[level]:
        raise invalid_argument(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: "
            f"{shape[level]}"
        )
    for item in value:
        _append(item, level + 1, shape, dtype, flat)


def _element(value: Any, dtype: tf.DType) -> Any:
    if dtype == tf.string:
        if isinstance(value, str):
            return value.encode()
        if isinstance(value, dict):
            return _decoded(value)
    elif dtype == tf.bool:
        if isinstance(value, bool):
            return value
    elif dtype in (tf.float32, tf.float64):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return float(value)
    elif dtype in _INTEGERS:
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    else:
        raise StatusError(
            grpc.StatusCode.UNIMPLEMENTED,
            f"Conversion of JSON Value: {excerpt(value)} to type: {name_in_cpp(dtype)}",
        )
    raise invalid_argument(
        f"JSON Value: {excerpt(value)} Type: {_json_type(value)} is not of expected type: "
        f"{name_in_cpp(dtype)}"
    )


def _decoded(value: dict[str, Any]) -> bytes:
    if not is_base64(value):
        raise invalid_argument(
            f"JSON Value: {excerpt(value)} not formatted correctly for base64 data"
        )
    try:
        return base64.b64decode(value["b64"], validate=True)
    except (binascii.Error, ValueError) as error:
        raise invalid_argument("Unable to base64 decode") from error


def _text(value: bytes, as_bytes: bool) -> Any:
    if as_bytes:
        return {"b64": base64.b64encode(value).decode()}
    return value.decode("utf-8", "replace")


def _json_type(value: Any) -> str:
    return str(value) if isinstance(value, bool) else _JSON_TYPES[type(value)]
