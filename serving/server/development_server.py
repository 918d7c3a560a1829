"""A server with TF Serving's interfaces, for machines without it."""

from __future__ import annotations

import time
from concurrent import futures
from types import TracebackType

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.server.model_catalog import ModelCatalog
from serving.server.model_manager import ModelManager
from serving.server.model_service import ModelService
from serving.server.prediction_service import PredictionService
from serving.server.rest_api import RestApi
from serving.server.rest_server import RestServer
from sesrec_tf.errors import InputError

WORKERS = 4
"""Requests computed at the same time, unless they wait in batches."""

MAX_PENDING = 100
"""Requests that may wait for a worker."""

MAX_MESSAGE_MIB = 64
"""Largest request and largest response."""

GRACE_SECONDS = 5.0
"""Time that requests under way have to end when the server stops."""


class DevelopmentServer:
    """Binds an address at once, and answers on it once models are given to `start`.

    Args:
        host: address to listen on.
        port: TCP port of gRPC; 0 takes a free one.
        workers: requests computed, or waiting in a batch, at the same time.
        max_message_bytes: largest request and largest response.
        max_pending: requests that may wait for a worker; further ones are refused at once, with
            RESOURCE_EXHAUSTED.
        rest_port: TCP port of the REST interface; 0 takes a free one, `None` leaves it out.
        grace_seconds: time that requests under way have to end when the server stops.

    Attributes:
        address: `host:port` actually bound for gRPC.
        rest_address: the same for REST.

    Raises:
        InputError: if a port is no port, in use, or not allowed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int = WORKERS,
        max_message_bytes: int = MAX_MESSAGE_MIB << 20,
        *,
        max_pending: int = MAX_PENDING,
        rest_port: int | None = None,
        grace_seconds: float = GRACE_SECONDS,
    ) -> None:
        for name, value, low, high in (
            ("port", port, 0, 65535),
            ("rest_port", rest_port or 0, 0, 65535),
            ("workers", workers, 1, 1024),
            ("max_message_bytes", max_message_bytes, 1, 2**31 - 1),
            ("max_pending", max_pending, 0, 1 << 20),
            ("grace_seconds", grace_seconds, 0, 3600),
        ):
            if not low <= value <= high:
                raise InputError(f"`{name}` should be in [{low}, {high}]. Received: {value}.")
        self._grace_seconds = grace_seconds
        self._workers = futures.ThreadPoolExecutor(workers, thread_name_prefix="predict")
        self._server = grpc.server(
            self._workers,
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                # Otherwise Linux lets two servers share a port, each taking some requests.
                ("grpc.so_reuseport", 0),
            ],
            maximum_concurrent_rpcs=workers + max_pending,
        )
        self._started = False
        self.address = _bind(self._server, f"[{host}]" if ":" in host else host, port)
        self._rest: RestServer | None = None
        self.rest_address: str | None = None
        if rest_port is not None:
            self._rest = RestServer(
                host, rest_port, self._workers, workers + max_pending, max_message_bytes
            )
            self.rest_address = self._rest.address

    def start(self, models: ModelCatalog | ModelManager) -> None:
        """Begins to answer requests about these models."""
        catalog = ModelCatalog.of(models) if isinstance(models, ModelManager) else models
        predictions, status = PredictionService(catalog), ModelService(catalog)
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            predictions, self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(status, self._server)
        self._start()
        if self._rest is not None:
            self._rest.start(RestApi(catalog, predictions, status))

    def stop(self) -> None:
        """Refuses new requests and waits for those under way, at most `grace_seconds`."""
        end = time.monotonic() + self._grace_seconds
        # gRPC gives the port back only if the server has run.
        self._start()
        stopped = self._server.stop(self._grace_seconds)
        if self._rest is not None:
            self._rest.stop(self._grace_seconds)
        stopped.wait(max(0.0, end - time.monotonic()) + 1.0)
        self._workers.shutdown(wait=False, cancel_futures=True)

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._server.start()

    def __enter__(self) -> DevelopmentServer:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()


def _bind(server: grpc.Server, host: str, port: int) -> str:
    try:
        bound = server.add_insecure_port(f"{host}:{port}")
    except RuntimeError as error:
        raise _unusable(host, port) from error
    if bound == 0:
        raise _unusable(host, port)
    return f"{host}:{bound}"


def _unusable(host: str, port: int) -> InputError:
    """The error of an address that cannot be bound."""
    return InputError(
        f"cannot listen on {host}:{port}: the port is in use, or the address is not this "
        "machine's. Stop the other server, choose another --port, or use --port 0 for a free one."
    )
