"""Whatever tensor arrives, it is parsed or refused with a status."""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.status_error import StatusError
from serving.server.tensor_validation import check_dtypes, input_tensors, output_names


def signature(dtype: int) -> meta_graph_pb2.SignatureDef:
    definition = meta_graph_pb2.SignatureDef()
    definition.inputs["x"].name = "serving_default_x:0"
    definition.inputs["x"].dtype = dtype
    return definition


SIZES = st.one_of(st.integers(-2, 4), st.sampled_from([-(2**63), 2**31, 2**62, 2**63 - 1]))
PROTOS = st.builds(
    lambda dtype, sizes, content, floats, strings: (dtype, sizes, content, floats, strings),
    st.sampled_from([0, 1, 3, 7, 9, 20, 21, 99]),
    st.lists(SIZES, max_size=3),
    st.binary(max_size=9),
    st.lists(st.floats(width=32), max_size=3),
    st.lists(st.binary(max_size=3), max_size=3),
)


@settings(deadline=None, max_examples=200)
@given(PROTOS, st.sampled_from([1, 3, 7]))
def test_any_tensor_is_parsed_or_refused(parts, expected):
    dtype, sizes, content, floats, strings = parts
    proto = tensor_pb2.TensorProto(
        dtype=dtype, tensor_content=content, float_val=floats, string_val=strings
    )
    for size in sizes:
        proto.tensor_shape.dim.add(size=size)
    try:
        inputs = input_tensors(signature(expected), {"x": proto})
        check_dtypes(signature(expected), inputs)
        (tensor,) = inputs.values()
    except StatusError as refusal:
        code, tensor = refusal.code, None
    if tensor is None:
        assert code == grpc.StatusCode.INVALID_ARGUMENT
    else:
        assert tensor.dtype == tf.dtypes.as_dtype(expected)
        assert list(tensor.shape) == sizes


def test_default_of_the_signature_fills_a_missing_input():
    definition = signature(7)
    definition.defaults["x"].CopyFrom(tf.make_tensor_proto(["default"]))
    assert input_tensors(definition, {})["x"].tolist() == [b"default"]


def test_ragged_output_is_refused():
    definition = signature(7)
    definition.outputs["ragged"].composite_tensor.SetInParent()
    with pytest.raises(StatusError, match="no dense tensor"):
        output_names(definition, [])
