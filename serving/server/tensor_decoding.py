"""Input tensors from the form in which requests carry them."""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

MAXIMUM_ELEMENTS = 1 << 18
"""Elements of one input, 256 users with 1024 candidates: a few bytes may declare any size.

TF Serving has no such bound."""

MAXIMUM_RANK = 32
"""Axes of an array of NumPy 1."""


def decode_tensor(proto: tensor_pb2.TensorProto) -> np.ndarray:
    """The values of a tensor, strings as `bytes` in an array of objects.

    As `Tensor::FromProto` of TensorFlow reads them: a last value that is left out repeats, surplus
    values are passed over.

    Raises:
        ValueError: for a tensor that TensorFlow refuses, or one of more than `MAXIMUM_ELEMENTS` or
            `MAXIMUM_RANK`.
    """
    shape = [dim.size for dim in proto.tensor_shape.dim]
    if math.prod(shape) > MAXIMUM_ELEMENTS or len(shape) > MAXIMUM_RANK:
        raise ValueError(f"a tensor of the shape {shape} is too large")
    plain = proto.dtype == types_pb2.DT_STRING and not proto.tensor_content
    if plain and min(shape, default=0) >= 0:
        return _strings(proto, math.prod(shape)).reshape(shape)
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
        return as_array(tf.io.parse_tensor(proto.SerializeToString(), dtype))
    except (TypeError, NotImplementedError, tf.errors.OpError) as error:
        raise ValueError(f"no tensor: {error}") from error


def as_array(tensor: tf.Tensor) -> np.ndarray:
    """The values of an eager tensor, an array also for a scalar."""
    return np.asarray(tensor.numpy(), tensor.dtype.as_numpy_dtype)


def _strings(proto: tensor_pb2.TensorProto, count: int) -> np.ndarray:
    given = proto.string_val[:count]
    values = np.empty(count, object)
    values[: len(given)] = given
    values[len(given) :] = given[-1] if given else b""
    return values
