"""Names of dtypes in messages of TF Serving."""

from __future__ import annotations

import tensorflow as tf

_NAMES_IN_CPP = {tf.float16: "half", tf.float32: "float", tf.float64: "double"}


def name_in_cpp(dtype: tf.DType) -> str:
    """As `DataTypeString` of TensorFlow's runtime, whose names are not all those of Python."""
    return str(_NAMES_IN_CPP.get(dtype, dtype.name))
