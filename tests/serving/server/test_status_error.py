"""Statuses made from TensorFlow's errors, and their length on the wire."""

from __future__ import annotations

import grpc
import pytest
import tensorflow as tf

from serving.server.status_error import MESSAGE_LIMIT, StatusError, answer, invalid_argument

CORE = "assertion failed: [too wide] [3]\n\t [[{{node Assert}}]]"
HEADER = "Graph execution error:\n\nDetected at node Assert defined at (most recent call last):\n"


class AbortedError(Exception):
    """Raised by the context below, as gRPC's own `abort` raises."""


class RecordingContext:
    def abort(self, code, message):
        raise AbortedError(code, message)


@pytest.mark.parametrize(
    "message",
    [
        CORE,
        f"{CORE} [Op:__inference_signature_wrapper_247]",
        f"{HEADER}<stack traces unavailable>\n{CORE} [Op:__inference_f_1]",
        f'{HEADER}  File "a.py", line 1, in <module>\n\n    return f(x)\n\n{CORE}',
        f"{HEADER}<stack traces unavailable>\nDetected at node B defined at (most recent call "
        f"last):\n<stack traces unavailable>\n{CORE}",
    ],
)
def test_only_the_operation_s_message_remains(message):
    status = StatusError.from_tensorflow(tf.errors.InvalidArgumentError(None, None, message))
    assert (status.code, status.message) == (grpc.StatusCode.INVALID_ARGUMENT, CORE)


def test_code_is_kept():
    error = tf.errors.ResourceExhaustedError(None, None, "out of memory")
    assert StatusError.from_tensorflow(error).code == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_long_messages_are_truncated():
    def handler(request):
        raise invalid_argument("x" * (MESSAGE_LIMIT + 1))

    with pytest.raises(AbortedError) as caught:
        answer(handler, None, RecordingContext())
    assert caught.value.args == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "x" * MESSAGE_LIMIT + "...TRUNCATED",
    )
