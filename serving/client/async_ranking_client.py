"""An asyncio client of any TF Serving endpoint that serves a ranking model."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any

import grpc

from serving.client.client_base import (
    ClientBase,
    batches,
    by_falling_score,
    ranking_request,
    recommendation_request,
)
from serving.client.explanation import Explanation
from serving.client.model_metadata import ModelMetadata
from serving.client.model_operations import Operation, Result
from serving.client.recommendation import Recommendation
from serving.client.scored_candidate import ScoredCandidate
from serving.client.serving_error import ServingError
from serving.client.version_status import VersionStatus
from sesrec_tf.errors import InputError
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.search import Search


class AsyncRankingClient(ClientBase):
    """`RankingClient` for asyncio: the same methods, to be awaited, and the same settings.

    All calls share one connection, opened by the first. A client may be shared by the tasks of one
    event loop. A cancelled task cancels its call.

    Example:

        async with AsyncRankingClient("127.0.0.1:8500") as client:
            ranking = await client.rank("u1", ["i1"], [Search("red shoes")], ["i2", "i3"])
    """

    def _start(self) -> None:
        # gRPC binds a channel to the event loop that runs when it is opened.
        self._channel: Any = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def rank(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        candidates: Sequence[str],
        *,
        timeout: float | None = None,
    ) -> list[ScoredCandidate]:
        """See `RankingClient.rank`."""
        request = ranking_request(user, rec_items, searches, candidates)
        return by_falling_score((await self.score([request], timeout=timeout))[0])

    async def score(
        self,
        requests: Sequence[RankingRequest],
        batch_size: int = 256,
        *,
        timeout: float | None = None,
    ) -> list[list[ScoredCandidate]]:
        """See `RankingClient.score`; one batch after the other."""
        return [
            scored
            for first, batch in batches(requests, batch_size)
            for scored in await self._run(
                self._operations.score(batch, first, self._deadline(timeout))
            )
        ]

    async def explain(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        candidates: Sequence[str],
        *,
        timeout: float | None = None,
    ) -> Explanation:
        """See `RankingClient.explain`."""
        request = ranking_request(user, rec_items, searches, candidates)
        return await self._run(self._operations.explain(request, self._deadline(timeout)))

    async def recommend(
        self,
        user: str,
        rec_items: Sequence[str],
        searches: Sequence[Search],
        *,
        timeout: float | None = None,
    ) -> list[Recommendation]:
        """See `RankingClient.recommend`."""
        request = recommendation_request(user, rec_items, searches)
        return await self._run(self._operations.recommend(request, self._deadline(timeout)))

    async def predict(
        self,
        signature: str,
        inputs: Mapping[str, Any],
        outputs: Sequence[str] = (),
        *,
        timeout: float | None = None,
    ) -> dict[str, Any]:
        """See `RankingClient.predict`."""
        deadline = self._deadline(timeout)
        return await self._run(self._operations.predict(signature, inputs, outputs, deadline))

    async def status(self, *, timeout: float | None = None) -> list[VersionStatus]:
        """See `RankingClient.status`."""
        return await self._run(self._operations.status(self._deadline(timeout)))

    async def metadata(self, *, timeout: float | None = None) -> ModelMetadata:
        """See `RankingClient.metadata`."""
        return await self._run(self._operations.metadata(self._deadline(timeout)))

    async def close(self) -> None:
        """Closes the connection; a later call would open another."""
        if self._channel is not None:
            channel, self._channel = self._channel, None
            await channel.close()

    async def __aenter__(self) -> AsyncRankingClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def _open_channel(self) -> Any:
        loop = asyncio.get_running_loop()
        if self._channel is None:
            self._channel, self._loop = self.endpoint.open(grpc.aio), loop
        elif self._loop is not loop:
            raise InputError(
                "an AsyncRankingClient belongs to the event loop of its first call. Received a "
                "call in another one; make a client for each."
            )
        return self._channel

    async def _run(self, operation: Operation[Result]) -> Result:
        channel = self._open_channel()
        try:
            call = next(operation)
            while True:
                try:
                    answer = await call.start(channel, self.endpoint)
                except grpc.RpcError as error:
                    failure = ServingError.from_rpc(self.endpoint.target, error)
                    failure.__cause__ = error
                    call = operation.throw(failure)
                else:
                    call = operation.send(answer)
        except StopIteration as end:
            return end.value
