"""Both clients behind one blocking face, so that one test says what both do."""

from __future__ import annotations

import asyncio
import inspect

from serving.client.async_ranking_client import AsyncRankingClient
from serving.client.ranking_client import RankingClient


class AsyncioInALoop:
    """An `AsyncRankingClient` with an event loop of its own."""

    def __init__(self, *arguments, **settings):
        self._loop = asyncio.new_event_loop()
        self._client = AsyncRankingClient(*arguments, **settings)

    def __getattr__(self, name):
        found = getattr(self._client, name)
        if not inspect.iscoroutinefunction(found):
            return found
        return lambda *args, **kwargs: self._loop.run_until_complete(found(*args, **kwargs))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._loop.run_until_complete(self._client.close())
        self._loop.close()


CLIENT_KINDS = {"blocking": RankingClient, "asyncio": AsyncioInALoop}
