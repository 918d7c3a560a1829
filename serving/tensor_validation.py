"""Checks of a Predict request against its signature, as TF Serving makes them.

Names, presence and dtypes are checked; shapes are not, because TF Serving leaves them to the
graph. Messages follow `predict_util.cc` of TF Serving and `saved_model/util.cc` of TensorFlow.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import grpc
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from serving.status_error import StatusError, invalid_argument

METHOD_NAMES = (
    "tensorflow/serving/predict",
    "tensorflow/serving/classify",
    "tensorflow/serving/regress",
)
"""Methods whose signatures Predict runs."""

MAXIMUM_ELEMENTS = 1 << 26
"""Elements of one input: a few bytes may declare a tensor of any size."""


def check_method(signature: meta_graph_pb2.SignatureDef) -> None:
    """Raises `StatusError` INTERNAL for a signature that is not meant for Predict."""
    if signature.method_name not in METHOD_NAMES:
        raise StatusError(
            grpc.StatusCode.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(METHOD_NAMES)}}}."
            f" Was: {signature.method_name}",
        )


def input_tensors(
    signature: meta_graph_pb2.SignatureDef, inputs: Mapping[str, tensor_pb2.TensorProto]
) -> dict[str, tf.Tensor]:
    """Tensors of every input of the signature, by name.

    Raises:
        StatusError: INVALID_ARGUMENT for a missing or an extra input, a tensor that cannot be
            parsed, or another dtype than the signature's.
    """
    _check_names(signature, inputs)
    protos = {
        name: inputs[name] if name in inputs else signature.defaults[name]
        for name in signature.inputs
    }
    _check_dtypes(signature, protos)
    return {name: _parse(name, proto) for name, proto in protos.items()}


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


def _check_dtypes(
    signature: meta_graph_pb2.SignatureDef, protos: Mapping[str, tensor_pb2.TensorProto]
) -> None:
    by_feed_name = sorted(protos, key=lambda name: signature.inputs[name].name)
    for position, name in enumerate(by_feed_name):
        expected = tf.dtypes.as_dtype(signature.inputs[name].dtype)
        try:
            received = tf.dtypes.as_dtype(protos[name].dtype)
        except TypeError as error:
            raise _parsing_error(name) from error
        if received != expected:
            raise invalid_argument(
                f"Expects arg[{position}] to be {expected.name} but {received.name} is provided"
            )


def _parse(name: str, proto: tensor_pb2.TensorProto) -> tf.Tensor:
    if math.prod(dim.size for dim in proto.tensor_shape.dim) > MAXIMUM_ELEMENTS:
        raise _parsing_error(name)
    try:
        return tf.io.parse_tensor(proto.SerializeToString(), tf.dtypes.as_dtype(proto.dtype))
    except tf.errors.OpError as error:
        raise _parsing_error(name) from error


def _parsing_error(name: str) -> StatusError:
    return invalid_argument(f"tensor parsing error: {name}")


def _braces(names: Iterable[str]) -> str:
    return f"{{{','.join(sorted(names))}}}"
