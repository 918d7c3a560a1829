"""TLS with real certificates, made here, between real processes of gRPC."""

from __future__ import annotations

import grpc
import pytest
import trustme

from serving.client.serving_error import ServingError
from serving.client.tls_settings import TlsSettings
from sesrec_tf.errors import InputError
from tests.serving.client.scripted_server import ScriptedServer


@pytest.fixture(scope="module")
def authority():
    return trustme.CA()


@pytest.fixture(scope="module")
def root(authority):
    return authority.cert_pem.bytes()


@pytest.fixture(scope="module")
def client_certificate(authority):
    issued = authority.issue_cert("client@example.org")
    return issued.cert_chain_pems[0].bytes(), issued.private_key_pem.bytes()


def server_of(authority, *names, client_root=None):
    issued = authority.issue_cert(*names)
    pair = issued.private_key_pem.bytes(), issued.cert_chain_pems[0].bytes()
    return ScriptedServer(
        credentials=grpc.ssl_server_credentials([pair], client_root, client_root is not None)
    )


def rank(make, address, tls):
    with make(address, tls=tls, retries=0, timeout=20) as client:
        return client.rank("u", (), (), ["a", "b"])


def test_server_certificate(make, authority, root):
    with server_of(authority, "127.0.0.1") as server:
        assert len(rank(make, server.address, TlsSettings(root))) == 2


def test_certificate_for_another_name(make, authority, root):
    with server_of(authority, "ranker.example.org") as server:
        assert rank(make, server.address, TlsSettings(root, authority="ranker.example.org"))
        with pytest.raises(ServingError, match=r"UNAVAILABLE.*--authority"):
            rank(make, server.address, TlsSettings(root))


def test_mutual(make, authority, root, client_certificate):
    with server_of(authority, "127.0.0.1", client_root=root) as server:
        assert rank(make, server.address, TlsSettings(root, *client_certificate))
        with pytest.raises(ServingError, match="UNAVAILABLE"):
            rank(make, server.address, TlsSettings(root))


def test_certificate_of_a_stranger(make, authority):
    stranger = trustme.CA().cert_pem.bytes()
    with (
        server_of(authority, "127.0.0.1") as server,
        pytest.raises(ServingError, match=r"UNAVAILABLE.*Does it speak TLS"),
    ):
        rank(make, server.address, TlsSettings(stranger))


def test_server_without_tls(make, root):
    with (
        ScriptedServer() as server,
        pytest.raises(ServingError, match=r"UNAVAILABLE.*Does it speak TLS"),
    ):
        rank(make, server.address, TlsSettings(root))


def test_client_without_tls(make, authority):
    with (
        server_of(authority, "127.0.0.1") as server,
        pytest.raises(ServingError, match="UNAVAILABLE"),
    ):
        rank(make, server.address, None)


def test_files(tmp_path, root, client_certificate):
    contents = {"root.pem": root, "client.pem": client_certificate[0], "key": client_certificate[1]}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    settings = TlsSettings.from_files(*(tmp_path / name for name in contents))
    assert settings == TlsSettings(root, *client_certificate)
    assert client_certificate[1].decode() not in repr(settings)


def test_unusable_files(tmp_path, root):
    with pytest.raises(InputError, match=r"cannot read .*absent\.pem"):
        TlsSettings.from_files(tmp_path / "absent.pem")
    (tmp_path / "der").write_bytes(b"\x30\x82")
    with pytest.raises(InputError, match=r"`root_certificates` should be PEM.*2 bytes"):
        TlsSettings.from_files(tmp_path / "der")
    with pytest.raises(InputError, match=r"`client_key` should be bytes.*Received: str") as caught:
        TlsSettings(root, root, "-----BEGIN secret")
    assert "secret" not in str(caught.value)
    with pytest.raises(InputError, match="`authority` should be a string"):
        TlsSettings(root, authority=7)
    with pytest.raises(InputError, match="belong together"):
        TlsSettings(root, client_certificate=root)
