"""Tensors as JSON, after the tests of `json_tensor.cc`."""

from __future__ import annotations

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from serving.server.rest_tensor_json import flatten, make_tensor, plain_values
from serving.server.status_error import StatusError
from serving.server.tensor_encoding import encode_tensor


@pytest.mark.parametrize(
    ("value", "shape", "flat"),
    [
        ("a", [], [b"a"]),
        ([], [0], []),
        (["é", {"b64": "AP8="}], [2], ["é".encode(), b"\x00\xff"]),
        ([[["a"], ["b"]]], [1, 2, 1], [b"a", b"b"]),
        ([[], []], [2, 0], []),
    ],
)
def test_strings(value, shape, flat):
    assert flatten(value, tf.string) == (shape, flat)


@pytest.mark.parametrize(
    ("value", "dtype", "message"),
    [
        ([["a"], "b"], tf.string, 'JSON Value: "b" found at incorrect level: 2 in the JSON DOM.'),
        (["a", ["b"]], tf.string, "Encountered list at unexpected level: 1 expected < 1"),
        (
            [["a"], ["b", "c"]],
            tf.string,
            "Encountered list at unexpected size: 2 at level: 1 expected size: 1",
        ),
        ([7], tf.string, "JSON Value: 7 Type: Number is not of expected type: string"),
        ([None], tf.string, "JSON Value: null Type: Null is not of expected type: string"),
        ([True], tf.float32, "JSON Value: true Type: True is not of expected type: float"),
        (["a"], tf.int64, 'JSON Value: "a" Type: String is not of expected type: int64'),
        ([1.5], tf.int32, "JSON Value: 1.5 Type: Number is not of expected type: int32"),
        ([{"b65": ""}], tf.string, "not formatted correctly for base64 data"),
        ([{"b64": "?"}], tf.string, "Unable to base64 decode"),
    ],
)
def test_refusals(value, dtype, message):
    with pytest.raises(StatusError) as caught:
        flatten(value, dtype)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    assert message in caught.value.message


def test_type_without_json():
    with pytest.raises(StatusError) as caught:
        flatten([1], tf.complex64)
    assert caught.value.code == grpc.StatusCode.UNIMPLEMENTED


def test_integer_that_does_not_fit():
    with pytest.raises(StatusError, match="JSON Value"):
        make_tensor([1 << 40], [1], tf.int32)


@settings(deadline=None, max_examples=50)
@given(npst.arrays(np.float32, st.tuples(st.integers(0, 3), st.integers(0, 3))))
def test_floats_survive(values):
    text = json.dumps(plain_values("x", encode_tensor(values)))
    np.testing.assert_array_equal(
        np.array(json.loads(text), np.float32).reshape(values.shape), values
    )


def test_floats_are_short():
    values = encode_tensor(np.array([0.1, 3.0, np.nan, np.inf], np.float32))
    assert json.dumps(plain_values("x", values)) == "[0.1, 3.0, NaN, Infinity]"


def test_strings_out():
    proto = encode_tensor(np.array([["é".encode(), b"b"]], object))
    assert plain_values("items", proto) == [["é", "b"]]
    assert plain_values("items_bytes", proto) == [[{"b64": "w6k="}, {"b64": "Yg=="}]]
    assert plain_values("items", encode_tensor(np.empty((0, 2), object))) == []
