"""Predict requests and answers as JSON, in TF Serving's two formats.

Forms and messages follow `json_tensor.cc` of TF Serving. By row: `instances`, a list of one object
(or value) a row, answered by `predictions`. By column: `inputs`, one value a tensor, answered by
`outputs`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server.rest_tensor_json import excerpt, flatten, is_base64, make_tensor, plain_values
from serving.server.status_error import StatusError, invalid_argument

Tensors = dict[str, tensor_pb2.TensorProto]
Infos = Mapping[str, meta_graph_pb2.TensorInfo]


def parse_request(
    body: bytes,
    request: predict_pb2.PredictRequest,
    find_inputs: Callable[[str], Infos],
) -> bool:
    """Fills a request from its JSON; returns whether it came by row.

    Args:
        body: of the HTTP request.
        request: to be filled.
        find_inputs: inputs of the signature of a name, which may be empty.

    Raises:
        StatusError: INVALID_ARGUMENT for a body that does not fit the signature, or what
            `find_inputs` raises.
    """
    document = _parse(body)
    name = document.get("signature_name", "")
    if not isinstance(name, str):
        raise _unusable(
            document, "not formatted correctly. 'signature_name' key must be a string value."
        )
    request.model_spec.signature_name = name
    infos = find_inputs(name)
    if not infos:
        raise invalid_argument(f"Failed to get input map for signature: {name or 'DEFAULT'}")
    by_row = "instances" in document
    if by_row:
        tensors = _by_row(_instances(document), infos)
    elif "inputs" in document:
        tensors = _by_column(document["inputs"], infos)
    else:
        raise invalid_argument("Missing 'inputs' or 'instances' key")
    for input_name, tensor in tensors.items():
        request.inputs[input_name].CopyFrom(tensor)
    return by_row


def format_answer(outputs: Mapping[str, tensor_pb2.TensorProto], by_row: bool) -> bytes:
    """The JSON of an answer, in the format of its request.

    Raises:
        StatusError: INVALID_ARGUMENT for outputs by row that are not batch-major.
    """
    if not outputs:
        raise invalid_argument("Cannot convert empty tensor map to JSON")
    values = {name: plain_values(name, outputs[name]) for name in sorted(outputs)}
    if not by_row:
        content: Any = values if len(values) > 1 else next(iter(values.values()))
        return json.dumps({"outputs": content}).encode()
    rows = _rows(outputs)
    if len(values) == 1:
        (predictions,) = values.values()
    else:
        predictions = [{name: values[name][row] for name in values} for row in range(rows)]
    return json.dumps({"predictions": predictions}).encode()


def _parse(body: bytes) -> dict[str, Any]:
    if not body:
        raise invalid_argument("JSON Parse error: The document is empty")
    try:
        # As TF Serving, whatever follows the first value is passed over.
        document, _ = json.JSONDecoder().raw_decode(body.decode("utf-8").lstrip())
    except json.JSONDecodeError as error:
        raise invalid_argument(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise invalid_argument(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise _unusable(document, "Is not object")
    try:
        # A half of a surrogate pair can be written in JSON but is no text.
        json.dumps(document, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise invalid_argument(
            "JSON Parse error: The surrogate pair in string is invalid."
        ) from error
    return document


def _instances(document: dict[str, Any]) -> list[Any]:
    instances = document["instances"]
    if "inputs" in document:
        raise _unusable(
            document,
            "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ",
        )
    if not isinstance(instances, list):
        raise _unusable(document, "Expecting 'instances' to be an list/array")
    if not instances:
        raise _unusable(document, "No values in 'instances' array")
    return instances


def _by_row(instances: list[Any], infos: Infos) -> Tensors:
    if not isinstance(instances[0], dict) and len(infos) > 1:
        raise invalid_argument(
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map"
        )
    named = _is_named(instances[0])
    shapes: dict[str, list[int]] = {}
    values: dict[str, list[Any]] = {}
    for number, row in enumerate(instances):
        if named != _is_named(row):
            what = "object but got list" if named else "value/list but got object"
            raise invalid_argument(f"Expecting {what} at item {number} of input list")
        for name, value in row.items() if named else [(next(iter(infos)), row)]:
            try:
                _add(name, value, infos, shapes, values)
            except StatusError as error:
                raise invalid_argument(_failed(number, name, named, error)) from error
        if named and row.keys() != set(infos):
            raise invalid_argument(
                f"Failed to process element: {number} of 'instances' list. JSON object: "
                f"{excerpt(row)} keys must be equal to: {','.join(sorted(infos))}"
            )
    return {
        name: make_tensor(values[name], [len(instances), *shapes[name]], _dtype(infos[name]))
        for name in shapes
    }


def _add(
    name: str,
    value: Any,
    infos: Infos,
    shapes: dict[str, list[int]],
    values: dict[str, list[Any]],
) -> None:
    """Appends one row of one tensor."""
    if name not in infos:
        raise invalid_argument(f"JSON object: does not have named input: {name}")
    shape, flat = flatten(value, _dtype(infos[name]))
    known = shapes.setdefault(name, shape)
    if len(flat) != math.prod(known):
        raise invalid_argument(f"Expecting tensor size: {math.prod(known)} but got: {len(flat)}")
    if shape != known:
        raise invalid_argument(f"Expecting shape {_brackets(known)} but got: {_brackets(shape)}")
    values.setdefault(name, []).extend(flat)


def _by_column(inputs: Any, infos: Infos) -> Tensors:
    if not _is_named(inputs):
        if len(infos) > 1:
            raise invalid_argument(
                "inputs is a plain value/list, but expecting an object as multiple input tensors "
                "required as per tensorinfo_map"
            )
        inputs = {next(iter(infos)): inputs}
    tensors = {}
    for name, info in infos.items():
        if name not in inputs:
            raise invalid_argument(f"Missing named input: {name} in 'inputs' object.")
        shape, flat = flatten(inputs[name], _dtype(info))
        tensors[name] = make_tensor(flat, shape, _dtype(info))
    return tensors


def _is_named(value: Any) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _rows(outputs: Mapping[str, tensor_pb2.TensorProto]) -> int:
    rows = -1
    for name in sorted(outputs):
        dims = outputs[name].tensor_shape.dim
        if not dims:
            raise invalid_argument(f"Tensor name: {name} has no shape information ")
        if rows not in (-1, dims[0].size):
            raise invalid_argument(
                f"Tensor name: {name} has inconsistent batch size: {dims[0].size} expecting: {rows}"
            )
        rows = dims[0].size
    return rows


def _failed(number: int, name: str, named: bool, error: StatusError) -> str:
    key = f" key: {name}" if named else ""
    return (
        f"Failed to process element: {number}{key} of 'instances' list. Error: "
        f"{error.code.name}: {error.message}"
    )


def _unusable(document: Any, reason: str) -> StatusError:
    return invalid_argument(f"JSON Value: {excerpt(document)} {reason}")


def _dtype(info: meta_graph_pb2.TensorInfo) -> tf.DType:
    return tf.dtypes.as_dtype(info.dtype)


def _brackets(shape: list[int]) -> str:
    return f"[{','.join(map(str, shape))}]"
