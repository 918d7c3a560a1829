"""Binding, limits and stopping."""

from __future__ import annotations

import socket

import pytest

from serving.development_server import DevelopmentServer
from serving.model_manager import ModelManager
from sesrec_tf.errors import InputError


def test_port_in_use():
    with DevelopmentServer() as first:
        port = int(first.address.rpartition(":")[2])
        with pytest.raises(InputError, match=f"cannot listen on 127.0.0.1:{port}"):
            DevelopmentServer(port=port)


def test_port_used_by_another_program():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(InputError, match="--port"):
            DevelopmentServer(port=taken.getsockname()[1])


@pytest.mark.parametrize(
    "setting", [{"port": 70000}, {"port": -1}, {"workers": 0}, {"max_message_bytes": 0}]
)
def test_settings_out_of_range(setting):
    (name,) = setting
    with pytest.raises(InputError, match=f"`{name}` should be in"):
        DevelopmentServer(**setting)


def test_port_is_free_again_after_stopping(base_path):
    with DevelopmentServer() as first:
        first.start(ModelManager("m", base_path))
        port = int(first.address.rpartition(":")[2])
    with DevelopmentServer(port=port) as second:
        assert second.address == f"127.0.0.1:{port}"
