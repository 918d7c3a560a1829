"""A gRPC server for machines without TF Serving."""

from __future__ import annotations

from concurrent import futures
from types import TracebackType

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, prediction_service_pb2_grpc

from serving.model_manager import ModelManager
from serving.model_service import ModelService
from serving.prediction_service import PredictionService
from sesrec_tf.errors import InputError

GRACE_SECONDS = 5.0
"""Time that requests under way have to end when the server stops."""


class DevelopmentServer:
    """Binds an address at once, and answers on it once a model is given to `start`.

    Args:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        workers: requests computed at the same time.
        max_message_bytes: largest request and largest response.

    Attributes:
        address: `host:port` actually bound.

    Raises:
        InputError: if the port is no port, in use, or not allowed.
    """

    def __init__(
        self,
        host: str = "127.0.0.1",
        port: int = 0,
        workers: int = 4,
        max_message_bytes: int = 64 << 20,
    ) -> None:
        for name, value, low, high in (
            ("port", port, 0, 65535),
            ("workers", workers, 1, 1024),
            ("max_message_bytes", max_message_bytes, 1, 2**31 - 1),
        ):
            if not low <= value <= high:
                raise InputError(f"`{name}` should be in [{low}, {high}]. Received: {value}.")
        self._server = grpc.server(
            futures.ThreadPoolExecutor(workers, thread_name_prefix="predict"),
            options=[
                ("grpc.max_receive_message_length", max_message_bytes),
                ("grpc.max_send_message_length", max_message_bytes),
                # Otherwise Linux lets two servers share a port, each taking some requests.
                ("grpc.so_reuseport", 0),
            ],
        )
        self._started = False
        self.address = _bind(self._server, f"[{host}]" if ":" in host else host, port)

    def start(self, manager: ModelManager) -> None:
        """Begins to answer requests about the versions of `manager`."""
        prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
            PredictionService(manager), self._server
        )
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(
            ModelService(manager), self._server
        )
        self._start()

    def stop(self) -> None:
        """Refuses new requests and waits for those under way, at most `GRACE_SECONDS`."""
        # gRPC gives the port back only if the server has run.
        self._start()
        self._server.stop(GRACE_SECONDS).wait()

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
    return InputError(
        f"cannot listen on {host}:{port}: the port is in use, or the address is not this "
        "machine's. Stop the other server, choose another --port, or use --port 0 for a free one."
    )
