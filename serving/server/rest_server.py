"""HTTP around the REST interface."""

from __future__ import annotations

import asyncio
import socket
import threading
from concurrent.futures import Executor

from aiohttp import web

from serving.server.rest_api import RestApi, error_body
from sesrec_tf.errors import InputError

_JSON = "application/json"


class RestServer:
    """An event loop in a thread of its own; requests are computed by the given workers.

    Args:
        host: address to listen on.
        port: TCP port; 0 takes a free one.
        workers: where requests are computed.
        max_requests: requests that may be computed or wait; further ones are answered 429.
        max_body_bytes: largest body of a request; a larger one is answered 413.

    Attributes:
        address: `host:port` actually bound.

    Raises:
        InputError: if the port cannot be used.
    """

    def __init__(
        self, host: str, port: int, workers: Executor, max_requests: int, max_body_bytes: int
    ) -> None:
        self._workers = workers
        self._max_requests = max_requests
        self._max_body_bytes = max_body_bytes
        self._pending = 0
        self._api: RestApi | None = None
        self._loop = asyncio.new_event_loop()
        self._runner: web.AppRunner | None = None
        self._thread = threading.Thread(target=self._loop.run_forever, name="rest", daemon=True)
        self._socket = _bound_socket(host, port)
        name = f"[{host}]" if ":" in host else host
        self.address = f"{name}:{self._socket.getsockname()[1]}"

    def start(self, api: RestApi) -> None:
        """Begins to answer."""
        self._api = api
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()

    def stop(self, grace_seconds: float) -> None:
        """Refuses new requests and waits for those under way."""
        if self._runner is None:
            self._socket.close()
            self._loop.close()
            return
        asyncio.run_coroutine_threadsafe(self._close(grace_seconds), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        application = web.Application(client_max_size=self._max_body_bytes)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, handle_signals=False)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    async def _close(self, grace_seconds: float) -> None:
        assert self._runner is not None
        for site in list(self._runner.sites):
            await site.stop()
        end = self._loop.time() + grace_seconds
        while self._pending and self._loop.time() < end:
            await asyncio.sleep(0.01)
        await self._runner.cleanup()

    async def _handle(self, request: web.Request) -> web.Response:
        assert self._api is not None
        if self._pending >= self._max_requests:
            return _response(429, error_body("Too many requests are waiting"))
        self._pending += 1
        try:
            body = await request.read()
            status, content = await self._loop.run_in_executor(
                self._workers, self._api.answer, request.method, request.rel_url.raw_path, body
            )
        except web.HTTPRequestEntityTooLarge:
            limit = f"The body should have at most {self._max_body_bytes} bytes"
            return _response(413, error_body(limit))
        finally:
            self._pending -= 1
        return _response(status, content)


def _response(status: int, content: bytes) -> web.Response:
    return web.Response(status=status, body=content, content_type=_JSON)


def _bound_socket(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise InputError(
            f"cannot listen on {host}:{port} for REST: {error.strerror}. Stop the other server, or "
            "choose another --rest-api-port."
        ) from error
    return bound
