"""Outputs decoded from every encoding that servers use."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2

from serving.client import wire_messages as wire
from serving.client.answer_tensors import answer_array

MATRIX = np.array([[0.5, -1.25], [3.0, 0.0], [7.0, 7.0]], np.float32)
DTYPES = ("float32", "int32", "int64", "bool", "string")


def to_wire(proto):
    return wire.TensorProto.FromString(proto.SerializeToString())


def proto_of(shape, **values):
    proto = tensor_pb2.TensorProto(**values)
    proto.tensor_shape.CopyFrom(tf.TensorShape(shape).as_proto())
    return to_wire(proto)


def raw(tensor):
    """As TF Serving writes it with --enable_serialization_as_tensor_content."""
    return wire.TensorProto.FromString(tf.io.serialize_tensor(tensor).numpy())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("encode", [raw, lambda tensor: to_wire(tf.make_tensor_proto(tensor))])
@pytest.mark.parametrize("shape", [(3, 2), (1, 1), (2, 0), (2, 2, 3)])
def test_every_dtype_in_both_encodings(dtype, encode, shape):
    numbers = np.arange(np.prod(shape)).reshape(shape) % 3 - 1
    text = np.array([f"größe {n}" * 40 for n in numbers.ravel()], object).reshape(shape)
    values = text if dtype == "string" else numbers.astype(dtype)
    decoded = answer_array(encode(tf.constant(values, dtype)), dtype, shape)
    np.testing.assert_array_equal(decoded, values)
    assert decoded.dtype == (object if dtype == "string" else np.dtype(dtype))


@pytest.mark.parametrize("kept", [5, 6])
def test_values_of_which_the_last_repeats(kept):
    proto = proto_of((3, 2), dtype=1, float_val=MATRIX.ravel()[:kept].tolist())
    np.testing.assert_array_equal(answer_array(proto, "float32", (3, 2)), MATRIX)


def test_columns_beyond_those_asked_for_are_cut_off():
    # A batcher padded this answer to the candidates of a batch-mate.
    proto = to_wire(tf.make_tensor_proto(MATRIX))
    np.testing.assert_array_equal(answer_array(proto, "float32", (3, 1)), MATRIX[:, :1])
    np.testing.assert_array_equal(answer_array(proto, "float32", (3, None)), MATRIX)


@pytest.mark.parametrize(
    ("value", "shape"),
    [
        (MATRIX.astype(np.float64), (3, 2)),
        (MATRIX.astype(np.complex64), (3, 2)),
        (np.array([["a", "b"]] * 3), (3, 2)),
        (MATRIX, (2, 2)),
        (MATRIX, (4, 2)),
        (MATRIX, (3, 3)),
        (MATRIX[None], (3, 2)),
        (MATRIX.ravel(), (6, 1)),
        # Only columns are padded by a batcher, not what lies deeper.
        (np.zeros((1, 2, 4), np.float32), (1, 2, 3)),
    ],
)
def test_outputs_of_another_dtype_or_shape(value, shape):
    with pytest.raises(ValueError, match="expected float32 of shape"):
        answer_array(to_wire(tf.make_tensor_proto(value)), "float32", shape)


@pytest.mark.parametrize(
    ("proto", "dtype"),
    [
        (proto_of((1, 1), dtype=1, float_val=[1.0, 2.0]), "float32"),
        (proto_of((1, 2), dtype=1), "float32"),
        (proto_of((1, 2), dtype=1, tensor_content=b"1234"), "float32"),
        (proto_of((1, 2), dtype=7, tensor_content=b"\x01\x01a"), "string"),
        (proto_of((1, 2), dtype=7, tensor_content=b"\x01\x01abc"), "string"),
        (proto_of((1, 2), dtype=7, tensor_content=b"\x80"), "string"),
        (proto_of((1, 1), dtype=7, string_val=[b"\xff"]), "string"),
    ],
)
def test_values_that_do_not_fit_the_shape(proto, dtype):
    with pytest.raises(ValueError, match=r"reshape|expected|multiple|decode"):
        answer_array(proto, dtype, (1, None))


def test_a_few_bytes_cannot_ask_for_all_memory():
    proto = proto_of((1, 1 << 40), dtype=1, float_val=[1.0])
    with pytest.raises(ValueError, match="at most"):
        answer_array(proto, "float32", (1, None))


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(DTYPES),
    st.lists(st.integers(-2, 4), max_size=3),
    st.binary(max_size=9),
    st.lists(st.binary(max_size=3), max_size=3),
    st.sampled_from([1, 3, 7, 9, 10, 99]),
)
def test_any_tensor_is_decoded_or_refused(dtype, sizes, content, strings, number):
    proto = wire.TensorProto(dtype=number, tensor_content=content, string_val=strings)
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    try:
        decoded = answer_array(proto, dtype, (1, None))
    except ValueError:
        return
    assert decoded.shape == tuple(sizes)
