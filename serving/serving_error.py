"""The one error of a call to a server."""

from __future__ import annotations

import grpc

from sesrec_tf.errors import InputError

_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: "Is a server listening there? Start one: "
    "python -m serving.server --model-base-path BASE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "Is it overloaded? Allow a longer timeout.",
    grpc.StatusCode.NOT_FOUND: "Does it serve that model name and version?",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "Send fewer requests or candidates at once.",
}


class ServingError(InputError):
    """A server did not answer, refused a request, or answered something unusable.

    Attributes:
        target: the server's address.
        code: the gRPC status code.
        message: the server's.
    """

    def __init__(self, target: str, code: grpc.StatusCode, details: str) -> None:
        advice = _ADVICE.get(code, "")
        super().__init__(f"server {target}: {code.name}: {details.rstrip('.')}. {advice}".rstrip())
        self.target = target
        self.code = code
        self.message = details
