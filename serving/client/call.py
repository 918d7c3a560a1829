"""One call that an operation wants made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import grpc

from serving.client.deadline import Deadline
from serving.client.endpoint import Endpoint
from serving.client.serving_error import ServingError


@dataclass(frozen=True)
class Call:
    """A unary call, without the channel that carries it.

    Attributes:
        method: the service's full name and the method's, `/package.Service/Method`.
        message: the request.
        response_class: class of the answer.
        deadline: of the call and its retries.
    """

    method: str
    message: Any
    response_class: Any
    deadline: Deadline

    def start(self, channel: Any, endpoint: Endpoint) -> Any:
        """The answer of a blocking channel, or what to await of an asyncio one.

        Raises:
            ServingError: for a message larger than the endpoint allows.
            grpc.RpcError: of a blocking channel.
        """
        size = self.message.ByteSize()
        if size > endpoint.max_request_bytes:
            raise ServingError(
                endpoint.target,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                f"nothing was sent: the request of {size:,} bytes is larger than "
                f"`max_request_bytes`, {endpoint.max_request_bytes:,}",
            )
        method = channel.unary_unary(
            self.method,
            request_serializer=type(self.message).SerializeToString,
            response_deserializer=self.response_class.FromString,
        )
        return method(self.message, timeout=self.deadline.remaining())
