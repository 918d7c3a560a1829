"""Requests and answers as JSON, in both formats; messages are those of `json_tensor.cc`."""

from __future__ import annotations

import contextlib
import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorflow.core.protobuf import meta_graph_pb2
from tensorflow_serving.apis import predict_pb2

from serving.server.rest_predict_json import format_answer, parse_request
from serving.server.status_error import StatusError
from serving.server.tensor_encoding import encode_tensor


def infos(*names: str):
    definition = meta_graph_pb2.SignatureDef()
    for name in names:
        definition.inputs[name].dtype = tf.string.as_datatype_enum
    return definition.inputs


def parse(document, *names: str):
    """Shapes and values of the inputs, and whether the request came by row."""
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    request = predict_pb2.PredictRequest()
    by_row = parse_request(body, request, lambda _: infos(*names))
    return {name: tf.make_ndarray(proto).tolist() for name, proto in request.inputs.items()}, by_row


def refusal(document, *names: str) -> str:
    with pytest.raises(StatusError) as caught:
        parse(document, *names)
    assert caught.value.code == grpc.StatusCode.INVALID_ARGUMENT
    return caught.value.message


def test_both_formats_make_the_same_tensors():
    expected = {"user": [b"u", b"v"], "items": [[b"a", b"b"], [b"c", b"d"]]}
    rows = [{"user": "u", "items": ["a", "b"]}, {"user": "v", "items": ["c", "d"]}]
    columns = {"user": ["u", "v"], "items": [["a", "b"], ["c", "d"]]}
    assert parse({"instances": rows}, "user", "items") == (expected, True)
    assert parse({"inputs": columns}, "user", "items") == (expected, False)


def test_one_input_needs_no_name():
    assert parse({"instances": ["u", "v"]}, "user") == ({"user": [b"u", b"v"]}, True)
    assert parse({"instances": [{"b64": "dQ=="}]}, "user") == ({"user": [b"u"]}, True)
    assert parse({"inputs": ["u"]}, "user") == ({"user": [b"u"]}, False)


def test_signature_name_is_handed_on():
    request, seen = predict_pb2.PredictRequest(), []
    body = b'{"signature_name": "explain", "inputs": ["u"]}'
    parse_request(body, request, lambda name: seen.append(name) or infos("user"))
    assert (request.model_spec.signature_name, seen) == ("explain", ["explain"])


def test_what_follows_the_document_is_passed_over():
    assert parse(b' {"inputs": ["u"]} rest', "user")[0] == {"user": [b"u"]}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (b"", "JSON Parse error: The document is empty"),
        (b"{", "JSON Parse error: "),
        (b"\xff", "JSON Parse error: "),
        (b"[" * 100_000, "JSON Parse error: "),
        (b'{"inputs": ["\\ud800"]}', "JSON Parse error: The surrogate pair in string is invalid."),
        ([], "JSON Value: [] Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({"signature_name": 7}, "'signature_name' key must be a string value."),
        ({"inputs": [], "instances": []}, "expecting only one of 'inputs' or 'instances' keys"),
        ({"instances": {}}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        (
            {"instances": ["u"]},
            "instances is a plain list, but expecting list of objects as multiple input tensors "
            "required as per tensorinfo_map",
        ),
        (
            {"inputs": ["u"]},
            "inputs is a plain value/list, but expecting an object as multiple input tensors "
            "required as per tensorinfo_map",
        ),
        ({"inputs": {"user": ["u"]}}, "Missing named input: items in 'inputs' object."),
        (
            {"instances": [{"user": "u"}]},
            "Failed to process element: 0 of 'instances' list. JSON object: "
            '{"user": "u"} keys must be equal to: items,user',
        ),
        (
            {"instances": [{"age": "7"}]},
            "Failed to process element: 0 key: age of 'instances' list. Error: INVALID_ARGUMENT: "
            "JSON object: does not have named input: age",
        ),
        (
            {"instances": [{"user": "u", "items": []}, "v"]},
            "Expecting object but got list at item 1 of input list",
        ),
        (
            {"instances": [{"user": "u", "items": ["a"]}, {"user": "u", "items": []}]},
            "Failed to process element: 1 key: items of 'instances' list. Error: "
            "INVALID_ARGUMENT: Expecting tensor size: 1 but got: 0",
        ),
        (
            {"instances": [{"user": "u", "items": ["a"]}, {"user": "u", "items": "a"}]},
            "Expecting shape [1] but got: []",
        ),
    ],
)
def test_refusals(document, message):
    assert message in refusal(document, "user", "items")


def test_object_among_values():
    message = "Expecting value/list but got object at item 1 of input list"
    assert message in refusal({"instances": ["u", {"user": "v"}]}, "user")


def test_signature_without_inputs():
    assert refusal({"inputs": []}) == "Failed to get input map for signature: DEFAULT"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["user", "items", "b64", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@settings(deadline=None, max_examples=200)
@given(st.dictionaries(st.sampled_from(["inputs", "instances", "signature_name"]), JSON))
def test_any_document_is_parsed_or_refused(document):
    for names in (("user",), ("user", "items")):
        with contextlib.suppress(StatusError):
            parse(document, *names)


def outputs(**values):
    return {name: encode_tensor(np.array(value)) for name, value in values.items()}


def test_answers_in_both_formats():
    one = outputs(scores=np.array([[0.5], [1.5]], np.float32))
    assert json.loads(format_answer(one, True)) == {"predictions": [[0.5], [1.5]]}
    assert json.loads(format_answer(one, False)) == {"outputs": [[0.5], [1.5]]}
    two = {**one, **outputs(count=np.array([1, 2], np.int32))}
    assert json.loads(format_answer(two, True)) == {
        "predictions": [{"count": 1, "scores": [0.5]}, {"count": 2, "scores": [1.5]}]
    }
    assert json.loads(format_answer(two, False)) == {
        "outputs": {"count": [1, 2], "scores": [[0.5], [1.5]]}
    }


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "Cannot convert empty tensor map to JSON"),
        ({"a": np.float32(1)}, "Tensor name: a has no shape information "),
        (
            {"a": np.zeros(2, np.float32), "b": np.zeros(3, np.float32)},
            "Tensor name: b has inconsistent batch size: 3 expecting: 2",
        ),
    ],
)
def test_answers_without_rows(values, message):
    with pytest.raises(StatusError) as caught:
        format_answer(outputs(**values), True)
    assert caught.value.message == message
