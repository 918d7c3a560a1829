"""How to reach a server: address, encryption, retries and limits."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from serving.client.setting_checks import check_integer, check_text
from serving.client.tls_settings import TlsSettings
from sesrec_tf.errors import InputError

PREDICTION_SERVICE = "tensorflow.serving.PredictionService"
MODEL_SERVICE = "tensorflow.serving.ModelService"

MAXIMUM_RETRIES = 4
"""gRPC makes at most five attempts, whatever it is asked for."""

DEFAULT_MESSAGE_BYTES = 64 << 20
_LARGEST_MESSAGE = 2**31 - 1

_FIRST_BACKOFF, _LARGEST_BACKOFF = 0.2, 2.0
"""Seconds before the first retry, doubled for each further one, 20% more or less."""


@dataclass(frozen=True)
class Endpoint:
    """Opens channels to one server.

    Only UNAVAILABLE is retried: the server cannot be reached, or refuses before it has done
    anything. gRPC waits 0.2, 0.4, 0.8 and 1.6 seconds, more or less, within the deadline.

    Attributes:
        target: `host:port`, or any name that gRPC resolves, such as `dns:///host:port`.
        tls: encryption; none when `None`.
        retries: attempts after the first, 0 to 4.
        max_request_bytes, max_response_bytes: largest message sent and received.

    Raises:
        InputError: for a setting out of range or of another type.
    """

    target: str
    tls: TlsSettings | None = None
    retries: int = 3
    max_request_bytes: int = DEFAULT_MESSAGE_BYTES
    max_response_bytes: int = DEFAULT_MESSAGE_BYTES

    def __post_init__(self) -> None:
        check_text("target", self.target)
        object.__setattr__(self, "target", self.target.removeprefix("grpc://"))
        if ":" not in self.target:
            raise InputError(
                f"`target` should be HOST:PORT, such as 127.0.0.1:8500. Received: {self.target!r}."
            )
        for name, low, high in (
            ("retries", 0, MAXIMUM_RETRIES),
            ("max_request_bytes", 1, _LARGEST_MESSAGE),
            ("max_response_bytes", 1, _LARGEST_MESSAGE),
        ):
            check_integer(name, getattr(self, name), low, high)
        if self.tls is not None and not isinstance(self.tls, TlsSettings):
            raise InputError(f"`tls` should be a TlsSettings or None. Received: {self.tls!r}.")

    def open(self, library: Any) -> Any:
        """A new channel.

        Args:
            library: `grpc`, or `grpc.aio` in a running event loop.
        """
        options = [*self._options(), *(self.tls.channel_options() if self.tls else ())]
        if self.tls is None:
            return library.insecure_channel(self.target, options)
        return library.secure_channel(self.target, self.tls.credentials(), options)

    def _options(self) -> list[tuple[str, Any]]:
        return [
            ("grpc.max_send_message_length", self.max_request_bytes),
            ("grpc.max_receive_message_length", self.max_response_bytes),
            ("grpc.enable_retries", int(self.retries > 0)),
            ("grpc.service_config", json.dumps(self._service_config())),
            # A request that this buffer cannot hold is not retried; 256 KiB by default.
            ("grpc.per_rpc_retry_buffer_size", min(2 * self.max_request_bytes, _LARGEST_MESSAGE)),
            # Connections are tried again as often as calls are.
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.min_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
        ]

    def _service_config(self) -> dict[str, Any]:
        method: dict[str, Any] = {
            "name": [{"service": PREDICTION_SERVICE}, {"service": MODEL_SERVICE}]
        }
        if self.retries:
            method["retryPolicy"] = {
                "maxAttempts": 1 + self.retries,
                "initialBackoff": f"{_FIRST_BACKOFF}s",
                "maxBackoff": f"{_LARGEST_BACKOFF}s",
                "backoffMultiplier": 2,
                "retryableStatusCodes": ["UNAVAILABLE"],
            }
        return {"methodConfig": [method]}
