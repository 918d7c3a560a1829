"""What an error says, and of which input."""

from __future__ import annotations

import pickle

import grpc
import pytest

from serving.client.serving_error import ServingError


@pytest.mark.parametrize(
    ("details", "name"),
    [
        ("assertion failed: [`queries` should have the shape ...] [1 7]", "queries"),
        ("input size does not match signature: 5!=6. Missing but required: {user}.", "user"),
        ("Signature input alias: user(feed name: serving_default_user:0) not found", "user"),
        ("tensor parsing error: candidates", "candidates"),
        ("Servable not found for request: Latest(other)", None),
    ],
)
def test_input_named_by_the_server(details, name):
    error = ServingError("h:1", grpc.StatusCode.INVALID_ARGUMENT, details)
    assert error.input == name
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.code, copy.input) == (str(error), error.code, name)


@pytest.mark.parametrize(
    ("details", "advice"),
    [
        ("Run() timeout exceeded while waiting in batching queue", "longer timeout"),
        ("Received message larger than max", "fewer requests or candidates"),
    ],
)
def test_advice_when_resources_are_exhausted(details, advice):
    assert advice in str(ServingError("h:1", grpc.StatusCode.RESOURCE_EXHAUSTED, details))


def test_the_graph_s_node_is_left_out():
    details = "assertion failed: [`user` should be .] [1]\n\t [[{{node Assert/Assert}}]]"
    error = ServingError("h:1", grpc.StatusCode.INVALID_ARGUMENT, details)
    assert str(error) == (
        "server h:1: INVALID_ARGUMENT: assertion failed: [`user` should be .] [1]."
    )
    assert error.message == details
