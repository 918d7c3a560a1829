"""Tensors are read as TensorFlow's own parser reads them."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from serving.server.tensor_decoding import MAXIMUM_ELEMENTS, as_array, decode_tensor


def string_proto(shape, values, content=b"") -> tensor_pb2.TensorProto:
    proto = tensor_pb2.TensorProto(dtype=7, string_val=values, tensor_content=content)
    for size in shape:
        proto.tensor_shape.dim.add(size=size)
    return proto


@settings(deadline=None, max_examples=100)
@given(
    st.lists(st.integers(-1, 3), max_size=3),
    st.lists(st.binary(max_size=2), max_size=6),
    st.binary(max_size=3),
)
def test_strings_are_what_tensorflow_reads(shape, values, content):
    proto = string_proto(shape, values, content)
    try:
        expected = tf.io.parse_tensor(proto.SerializeToString(), tf.string)
    except tf.errors.OpError:
        with pytest.raises(ValueError, match="tensor"):
            decode_tensor(proto)
        return
    decoded = decode_tensor(proto)
    assert decoded.dtype == object
    assert decoded.shape == tuple(shape)
    assert decoded.ravel().tolist() == tf.reshape(expected, [-1]).numpy().tolist()


@pytest.mark.parametrize("dtype", ["float32", "int64", "bool", "bfloat16"])
@pytest.mark.parametrize("shape", [(), (2, 3)])
def test_numbers(dtype, shape):
    tensor = tf.cast(tf.ones(shape), dtype)
    decoded = decode_tensor(tf.make_tensor_proto(as_array(tensor)))
    assert decoded.dtype == tensor.dtype.as_numpy_dtype
    assert decoded.shape == shape


@pytest.mark.parametrize(
    "shape", [(MAXIMUM_ELEMENTS + 1,), (1 << 40,), (1 << 31, 1 << 31), (-2, -3), (1,) * 100]
)
def test_refused_shapes(shape):
    with pytest.raises(ValueError, match="tensor"):
        decode_tensor(string_proto(shape, [b"a"]))


def test_largest_tensor_is_read():
    assert decode_tensor(string_proto((MAXIMUM_ELEMENTS,), [b"a"])).size == MAXIMUM_ELEMENTS


@pytest.mark.parametrize("dtype", [0, 20, 21, 99, 107])
def test_dtypes_that_no_request_can_carry(dtype):
    proto = tensor_pb2.TensorProto(dtype=dtype)
    with pytest.raises(ValueError, match="tensor"):
        decode_tensor(proto)


def test_array_of_strings_is_no_array_of_fixed_width():
    # NumPy's own strings would lose trailing zero bytes.
    assert decode_tensor(string_proto((2,), [b"a\0", b"b"])).tolist() == [b"a\0", b"b"]
    assert np.shape(decode_tensor(string_proto((), [b"a"]))) == ()
