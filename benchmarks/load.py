"""Load on a gRPC endpoint: closed loop and open loop.

In a closed loop each of a few callers waits for its answer before it asks again: it finds the
throughput. In an open loop requests arrive at random instants whatever the answers do, as users
do, and latency counts from the instant a request was due: a server that stalls cannot hide it.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import grpc
import numpy as np

from sesrec_tf.errors import InputError

PREDICT = "/tensorflow.serving.PredictionService/Predict"

_CONNECT_SECONDS = 20
_OUTSTANDING = 2000
"""Requests under way at most in an open loop; what is due beyond them counts as failed."""


@dataclass
class LoadResult:
    """What callers saw.

    Attributes:
        seconds: from the first request to the last answer.
        latencies: seconds of every answered request.
        failures: number of failed requests by status.
    """

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)
    failures: dict[str, int] = field(default_factory=dict)

    @property
    def throughput(self) -> float:
        """Answers a second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """Latency in milliseconds."""
        return 1000 * float(np.percentile(self.latencies, percent))

    def count_failure(self, status: str) -> None:
        """Adds one failed request."""
        self.failures[status] = self.failures.get(status, 0) + 1


class Load:
    """Sends serialized `PredictRequest`s in turn.

    Args:
        target: `host:port`.
        requests: what is sent, over and over.
        timeout: deadline of each request in seconds.
    """

    def __init__(self, target: str, requests: Sequence[bytes], timeout: float = 30.0) -> None:
        self._target = target
        self._requests = requests
        self._timeout = timeout

    def closed(self, callers: int, seconds: float) -> LoadResult:
        """Load of `callers` that ask without pause for `seconds`."""
        begun = time.perf_counter()
        return self.closed_until(callers, lambda: time.perf_counter() - begun >= seconds)

    def closed_until(self, callers: int, done: Callable[[], bool]) -> LoadResult:
        """Load of `callers` that ask without pause until `done`."""
        return asyncio.run(self._run(lambda send, result: _closed(send, callers, done)))

    def open(self, rate: float, seconds: float, seed: int = 0) -> LoadResult:
        """Load of Poisson arrivals, `rate` a second, for `seconds`."""
        random = np.random.default_rng(seed)
        gaps = random.exponential(1 / rate, max(int(rate * seconds), 1))
        arrivals = np.cumsum(gaps).tolist()
        return asyncio.run(self._run(lambda send, result: _open(send, arrivals, result)))

    async def _run(self, loop: Callable[[Send, LoadResult], Awaitable[None]]) -> LoadResult:
        result = LoadResult()
        requests = itertools.cycle(self._requests)
        options = [("grpc.max_send_message_length", -1), ("grpc.max_receive_message_length", -1)]
        async with grpc.aio.insecure_channel(self._target, options) as channel:
            predict = channel.unary_unary(PREDICT)

            async def send(due: float) -> None:
                try:
                    await predict(next(requests), timeout=self._timeout)
                    result.latencies.append(time.perf_counter() - due)
                except grpc.aio.AioRpcError as error:
                    result.count_failure(error.code().name)

            try:
                await asyncio.wait_for(channel.channel_ready(), _CONNECT_SECONDS)
            except asyncio.TimeoutError:
                raise InputError(
                    f"nothing answers at {self._target}. Expected a gRPC endpoint. Start one: "
                    "python -m serving.server --model-base-path BASE"
                ) from None
            start = time.perf_counter()
            await loop(send, result)
            result.seconds = time.perf_counter() - start
        return result


Send = Callable[[float], Awaitable[None]]


async def _closed(send: Send, callers: int, done: Callable[[], bool]) -> None:
    async def caller() -> None:
        while not done():
            await send(time.perf_counter())

    await asyncio.gather(*(caller() for _ in range(callers)))


async def _open(send: Send, arrivals: Sequence[float], result: LoadResult) -> None:
    start = time.perf_counter()
    under_way: set[asyncio.Task[None]] = set()
    for arrival in arrivals:
        await asyncio.sleep(max(start + arrival - time.perf_counter(), 0))
        if len(under_way) >= _OUTSTANDING:
            result.count_failure("NOT SENT")
            continue
        task = asyncio.ensure_future(send(start + arrival))
        under_way.add(task)
        task.add_done_callback(under_way.discard)
    await asyncio.gather(*under_way)
