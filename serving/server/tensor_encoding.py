"""Output tensors in the form in which TF Serving sends them."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2

_VALUE_FIELDS = {
    tf.float32: "float_val",
    tf.float64: "double_val",
    tf.int8: "int_val",
    tf.int16: "int_val",
    tf.int32: "int_val",
    tf.uint8: "int_val",
    tf.uint16: "int_val",
    tf.uint32: "uint32_val",
    tf.int64: "int64_val",
    tf.uint64: "uint64_val",
    tf.bool: "bool_val",
    tf.string: "string_val",
}

_PACKED = {"float_val": "<f4", "double_val": "<f8"}
"""Fields whose bytes on the wire are the values in a row."""

_LENGTH_DELIMITED = 2
"""Wire type of a packed field."""


def encode_tensor(values: np.ndarray) -> tensor_pb2.TensorProto:
    """One value a element in the field of its dtype, as TF Serving does by default.

    `tf.make_tensor_proto` would send raw bytes in `tensor_content`, which clients that read
    `float_val` directly do not see. Dtypes without a plain field are sent that way.
    """
    dtype = tf.dtypes.as_dtype(values.dtype)
    field = _VALUE_FIELDS.get(dtype)
    if field is None:
        return tf.make_tensor_proto(values, dtype)
    proto = tensor_pb2.TensorProto(dtype=dtype.as_datatype_enum)
    for size in values.shape:
        proto.tensor_shape.dim.add(size=size)
    if field in _PACKED:
        proto.MergeFromString(_packed(field, values))
    else:
        getattr(proto, field).extend(values.ravel().tolist())
    return proto


def _packed(field: str, values: np.ndarray) -> bytes:
    """A field on the wire: assigning value by value takes sixty times as long."""
    number = tensor_pb2.TensorProto.DESCRIPTOR.fields_by_name[field].number
    content = values.astype(_PACKED[field], copy=False).tobytes()
    return _varint(number << 3 | _LENGTH_DELIMITED) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    parts = bytearray()
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])
