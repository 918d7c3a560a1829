"""A failed request, with the status that TF Serving would give it."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeVar

import grpc
import tensorflow as tf

Request = TypeVar("Request")
Response = TypeVar("Response")

MESSAGE_LIMIT = 1024
"""Characters of a message that TF Serving sends before it writes `...TRUNCATED`."""

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_EAGER_HEADER = re.compile(
    r"\AGraph execution error:\n\n"
    r"(?:Detected at node .*\n(?:<stack traces unavailable>\n|(?: +.*\n)+|\n)*)+"
)
_EAGER_FOOTER = re.compile(r" \[Op:[^\]]*\]\Z")


class StatusError(Exception):
    """Ends a request with a gRPC status.

    Attributes:
        code: the gRPC status code.
        message: the whole message; `answer` sends at most `MESSAGE_LIMIT` characters of it.
    """

    def __init__(self, code: grpc.StatusCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

    @classmethod
    def from_tensorflow(cls, error: tf.errors.OpError) -> StatusError:
        """Keeps the code and the message of the operation, without what eager mode adds."""
        code = _CODES.get(error.error_code, grpc.StatusCode.UNKNOWN)
        return cls(code, _without_eager(error.message))

    @classmethod
    def from_undecodable(cls, error: UnicodeDecodeError) -> StatusError:
        """INVALID_ARGUMENT: TensorFlow's message quotes bytes of the request that are no text."""
        message = _without_eager(error.object.decode("utf-8", "replace"))
        return cls(grpc.StatusCode.INVALID_ARGUMENT, message)


def invalid_argument(message: str) -> StatusError:
    """The commonest status of a bad request."""
    return StatusError(grpc.StatusCode.INVALID_ARGUMENT, message)


def answer(
    handler: Callable[[Request], Response], request: Request, context: grpc.ServicerContext
) -> Response:
    """Calls `handler`; a `StatusError` becomes the status of the call."""
    try:
        return handler(request)
    except StatusError as error:
        message = error.message
        if len(message) > MESSAGE_LIMIT:
            message = message[:MESSAGE_LIMIT] + "...TRUNCATED"
        context.abort(error.code, message)
        raise


def _without_eager(message: str) -> str:
    return _EAGER_FOOTER.sub("", _EAGER_HEADER.sub("", message))
