"""Deadlines of both clients, against a real gRPC server."""

from __future__ import annotations

import grpc
import pytest

from serving.client.deadline import Deadline
from serving.client.serving_error import ServingError


@pytest.mark.parametrize("of_the_call", [True, False])
def test_deadline(make, scripted, of_the_call):
    with make(scripted.address, timeout=20 if of_the_call else 0.3) as client:
        client.metadata(timeout=20)
        scripted.release.clear()
        with pytest.raises(ServingError, match=r"DEADLINE_EXCEEDED.*longer timeout") as caught:
            client.rank("u", (), (), ["a"], timeout=0.3 if of_the_call else None)
        scripted.release.set()
        assert caught.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
        assert client.rank("u", (), (), ["a"], timeout=20)


def test_deadline_is_shared():
    deadline = Deadline.after(60)
    first = deadline.remaining()
    assert 59 < deadline.remaining() <= first <= 60
    assert Deadline(0.0).remaining() == 0
