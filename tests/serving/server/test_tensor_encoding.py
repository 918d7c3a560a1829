"""Every dtype comes back from the wire as it went in."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from serving.server.tensor_decoding import as_array
from serving.server.tensor_encoding import encode_tensor

DTYPES = (
    "float32 float64 float16 bfloat16 complex64 bool "
    "int8 int16 int32 int64 uint8 uint16 uint32 uint64"
)


@pytest.mark.parametrize("dtype", DTYPES.split())
@pytest.mark.parametrize("shape", [(), (0,), (2, 3)])
def test_numbers(dtype, shape):
    tensor = tf.cast(tf.reshape(tf.range(1, 1 + int(np.prod(shape))), shape), dtype)
    decoded = tf.make_ndarray(encode_tensor(as_array(tensor)))
    assert decoded.dtype == tensor.dtype.as_numpy_dtype
    np.testing.assert_array_equal(decoded, tensor.numpy())


def test_strings():
    values = np.array([[b"", b"\x00"], ["é".encode(), b"a b"]], object)
    np.testing.assert_array_equal(tf.make_ndarray(encode_tensor(values)), values)
