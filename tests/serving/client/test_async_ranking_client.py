"""What only the asyncio client does."""

from __future__ import annotations

import asyncio

import pytest

from serving.client.async_ranking_client import AsyncRankingClient
from sesrec_tf.errors import InputError
from tests.serving.client.scripted_server import score_of


def ranked(user, candidates):
    return sorted(candidates, key=lambda candidate: -score_of(user, candidate))


def test_tasks_share_an_asyncio_client(scripted):
    async def many():
        async with AsyncRankingClient(scripted.address, timeout=20) as client:
            await client.metadata()
            return await asyncio.gather(
                *(client.rank(f"u{n}", (), (), ["a", "b"]) for n in range(20))
            )

    for number, ranking in enumerate(asyncio.run(many())):
        assert [row.candidate for row in ranking] == ranked(f"u{number}", ["a", "b"])


def test_a_cancelled_task_cancels_its_call(scripted):
    async def cancelled():
        async with AsyncRankingClient(scripted.address, timeout=20) as client:
            await client.metadata()
            scripted.release.clear()
            with pytest.raises(asyncio.TimeoutError):
                await asyncio.wait_for(client.rank("u", (), (), ["a"]), 0.2)
            scripted.release.set()
            return await client.rank("u", (), (), ["a"])

    assert asyncio.run(cancelled())


def test_an_asyncio_client_belongs_to_one_loop(scripted):
    client = AsyncRankingClient(scripted.address, timeout=20)
    assert asyncio.run(client.status())
    with pytest.raises(InputError, match="event loop"):
        asyncio.run(client.status())
