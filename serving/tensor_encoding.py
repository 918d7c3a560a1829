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


def encode_tensor(tensor: tf.Tensor) -> tensor_pb2.TensorProto:
    """One value a element in the field of its dtype, as TF Serving does by default.

    `tf.make_tensor_proto` would send raw bytes in `tensor_content`, which clients that read
    `float_val` directly do not see. Dtypes without a plain field are sent that way.
    """
    field = _VALUE_FIELDS.get(tensor.dtype)
    if field is None:
        return tf.make_tensor_proto(np.asarray(tensor.numpy()), tensor.dtype)
    proto = tensor_pb2.TensorProto(
        dtype=tensor.dtype.as_datatype_enum, tensor_shape=tensor.shape.as_proto()
    )
    getattr(proto, field).extend(tensor.numpy().ravel().tolist())
    return proto
