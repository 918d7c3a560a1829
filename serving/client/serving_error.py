"""The one error of a call to a server."""

from __future__ import annotations

import re

import grpc

from sesrec_tf.errors import InputError

_ADVICE = {
    grpc.StatusCode.UNAVAILABLE: "Is a server listening there? Start one: "
    "python -m serving.server --model-base-path BASE",
    grpc.StatusCode.DEADLINE_EXCEEDED: "Is it overloaded? Allow a longer timeout.",
    grpc.StatusCode.NOT_FOUND: "Does it serve that model name and version? See --status.",
    grpc.StatusCode.RESOURCE_EXHAUSTED: "Send fewer requests or candidates at once.",
}
_TLS_ADVICE = (
    "Does it speak TLS, with a certificate of the given root for the given name "
    "(--root-certificates, --authority)?"
)
_QUEUE_ADVICE = "Allow a longer timeout, or run more servers."
_TLS_FAILURE = re.compile(r"ssl|tls|handshake|certificate|verification", re.IGNORECASE)

_QUEUE_TIMEOUT = "timeout exceeded while waiting in batching queue"
"""A deadline that TF Serving reports as RESOURCE_EXHAUSTED."""

_INPUT = re.compile(
    r"`(\w+)` should "  # the graph of this project's exports
    r"|Missing but required: \{(\w+)"  # an input left out
    r"|Signature input alias: (\w+)\("
    r"|tensor parsing error: (\w+)"
)
_NODE = re.compile(r"\s*\[\[\{\{node .*", re.DOTALL)
_TOO_LARGE = re.compile(r"CLIENT: Received message larger than max \((\d+) vs\.? (\d+)\)")


class ServingError(InputError):
    """A server did not answer, refused a request, or answered something unusable.

    Attributes:
        target: the server's address.
        code: the gRPC status code.
        message: the server's, uncut.
        input: name of the input at fault, where the message tells it; else `None`.
    """

    def __init__(self, target: str, code: grpc.StatusCode, details: str) -> None:
        # Where in the graph it failed helps nobody who has not written the graph.
        text = _NODE.sub("", details).rstrip(". \n")
        super().__init__(f"server {target}: {code.name}: {text}. {_advice(code, text)}".rstrip())
        self.target = target
        self.code = code
        self.message = details
        self.input = _input(details)

    @classmethod
    def from_rpc(cls, target: str, error: grpc.RpcError) -> ServingError:
        """From what gRPC raises, in its blocking or its asyncio form."""
        details = error.details() or "no message"
        too_large = _TOO_LARGE.search(details)
        if too_large:
            received, limit = (int(number) for number in too_large.groups())
            details = (
                f"the answer of {received:,} bytes is larger than `max_response_bytes`, {limit:,}"
            )
        return cls(target, error.code(), details)

    def __reduce__(self) -> tuple[type[ServingError], tuple[str, grpc.StatusCode, str]]:  # type: ignore[override]
        return type(self), (self.target, self.code, self.message)


def _advice(code: grpc.StatusCode, text: str) -> str:
    if code is grpc.StatusCode.UNAVAILABLE and _TLS_FAILURE.search(text):
        return _TLS_ADVICE
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and _QUEUE_TIMEOUT in text:
        return _QUEUE_ADVICE
    return _ADVICE.get(code, "")


def _input(details: str) -> str | None:
    found = _INPUT.search(details)
    return None if found is None else next(name for name in found.groups() if name)
