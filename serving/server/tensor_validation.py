"""Checks of a Predict request against its signature, as TF Serving makes them.

Names, presence and dtypes are checked; shapes are not, because TF Serving leaves them to the
graph. Messages follow `predict_util.cc` of TF Serving and `saved_model/util.cc` of TensorFlow.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.server.dtype_names import name_in_cpp
from serving.server.status_error import invalid_argument
from serving.server.tensor_decoding import decode_tensor


def input_tensors(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> dict[str, np.ndarray]:
    """Values of every input of the signature, by name.

    Raises:
        StatusError: INVALID_ARGUMENT for a missing or an extra input, or a tensor that cannot be
            parsed.
    """
    _check_names(signature, inputs)
    return {
        name: _decode(name, inputs[name] if name in inputs else signature.defaults[name])
        for name in signature.inputs
    }


def output_names(signature: meta_graph_pb2.SignatureDef, output_filter: Sequence[str]) -> list[str]:
    """Outputs to return: those of the filter, or all when it is empty.

    Raises:
        StatusError: INVALID_ARGUMENT for an unknown, a repeated or a non-dense output.
    """
    for position, name in enumerate(output_filter):
        if name not in signature.outputs:
            raise invalid_argument(
                f"output tensor alias not found in signature: {name} Outputs expected to be in "
                f"the set {_braces(signature.outputs)}."
            )
        if name in output_filter[:position]:
            raise invalid_argument(f"duplicate output tensor alias: {name}")
    names = list(output_filter) or sorted(signature.outputs)
    for name in names:
        if signature.outputs[name].WhichOneof("encoding") != "name":
            raise invalid_argument(f"output {name} is no dense tensor; TF Serving can't fetch it")
    return names


def check_dtypes(signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, np.ndarray]) -> None:
    """Raises `StatusError` INVALID_ARGUMENT for another dtype than the signature's.

    Message and order are those of the session, which counts the inputs by feed name.
    """
    by_feed_name = sorted(inputs, key=lambda name: signature.inputs[name].name)
    for position, name in enumerate(by_feed_name):
        expected = tf.dtypes.as_dtype(signature.inputs[name].dtype)
        received = tf.dtypes.as_dtype(inputs[name].dtype)
        if received != expected:
            raise invalid_argument(
                f"Expects arg[{position}] to be {name_in_cpp(expected)} but "
                f"{name_in_cpp(received)} is provided"
            )


def _check_names(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> None:
    expected, received = set(signature.inputs), set(inputs)
    if len(received) > len(expected) or (len(received) < len(expected) and not signature.defaults):
        raise invalid_argument(
            f"input size does not match signature: {len(received)}!={len(expected)} "
            f"len({_braces(received)}) != len({_braces(expected)}). "
            f"Sent extra: {_braces(received - expected)}. "
            f"Missing but required: {_braces(expected - received)}."
        )
    for name in sorted(expected - received - set(signature.defaults)):
        raise invalid_argument(
            f"Signature input alias: {name}(feed name: {signature.inputs[name].name}) not found "
            "in request and no default value provided. Inputs expected to be in the request "
            f"{_braces(received)}, or default input alias set: "
            f"{','.join(sorted(signature.defaults))}"
        )
    if received - expected:
        raise invalid_argument(
            "Inputs contains invalid name. Used request inputs: "
            f"{','.join(sorted(received & expected))}, request input: {','.join(sorted(received))}"
        )


def _decode(name: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    try:
        return decode_tensor(proto)
    except ValueError as error:
        raise invalid_argument(f"tensor parsing error: {name}") from error


def _braces(names: Iterable[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"
