"""A scripted server, and each kind of client connected to it."""

from __future__ import annotations

import pytest

from tests.serving.client.client_kinds import CLIENT_KINDS
from tests.serving.client.scripted_server import ScriptedServer


@pytest.fixture
def scripted():
    with ScriptedServer() as running:
        yield running


@pytest.fixture(params=CLIENT_KINDS)
def make(request):
    return CLIENT_KINDS[request.param]


@pytest.fixture
def client(make, scripted):
    with make(scripted.address, timeout=20) as made:
        yield made
