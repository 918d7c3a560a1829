"""`ssl_config.sh` with certificates made here."""

from __future__ import annotations

import shutil
import subprocess
from concurrent import futures
from pathlib import Path

import grpc
import pytest
from google.protobuf import text_format

from tests.serving.deploy.deploy_files import DEPLOY
from tests.serving.deploy.server_config_messages import SSLConfig

SCRIPT = DEPLOY / "tls" / "ssl_config.sh"


def write_config(*arguments: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", SCRIPT, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def make_certificate(directory: Path, name: str) -> tuple[Path, Path]:
    """A key and its self-signed certificate for `localhost`."""
    key, certificate = directory / f"{name}.key", directory / f"{name}.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"),
            *("-nodes", "-days", "1", "-subj", f"/CN={name}"),
            *("-addext", "subjectAltName=DNS:localhost"),
            *("-keyout", key, "-out", certificate),
        ],
        capture_output=True,
        timeout=30,
        check=True,
    )
    return key, certificate


@pytest.mark.skipif(shutil.which("openssl") is None, reason="makes certificates with openssl")
def test_server_with_the_written_config_speaks_mutual_tls(tmp_path):
    server_key, server_certificate = make_certificate(tmp_path, "server")
    client_key, client_certificate = make_certificate(tmp_path, "client")
    written = write_config(server_key, server_certificate, client_certificate)
    assert written.returncode == 0, written.stderr
    config = text_format.Parse(written.stdout, SSLConfig())
    assert config.client_verify

    # What `BuildServerCredentials` of TensorFlow Serving's model_servers/server.cc does.
    credentials = grpc.ssl_server_credentials(
        [(config.server_key.encode(), config.server_cert.encode())],
        root_certificates=config.custom_ca.encode(),
        require_client_auth=config.client_verify,
    )
    server = grpc.server(futures.ThreadPoolExecutor(1))
    port = server.add_secure_port("localhost:0", credentials)
    server.start()
    try:
        known = grpc.ssl_channel_credentials(
            server_certificate.read_bytes(),
            client_key.read_bytes(),
            client_certificate.read_bytes(),
        )
        # The answer to a method that nobody serves comes through the handshake.
        assert answer(port, known) is grpc.StatusCode.UNIMPLEMENTED
        stranger = grpc.ssl_channel_credentials(server_certificate.read_bytes())
        assert answer(port, stranger) is grpc.StatusCode.UNAVAILABLE
    finally:
        server.stop(None).wait()


def answer(port: int, credentials: grpc.ChannelCredentials) -> grpc.StatusCode:
    with (
        grpc.secure_channel(f"localhost:{port}", credentials) as channel,
        pytest.raises(grpc.RpcError) as error,
    ):
        channel.unary_unary("/none/None")(b"", timeout=20)
    return error.value.code()


def test_without_an_authority_clients_need_no_certificate(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    key.write_bytes(b'name: "a\\b"\r\n-----BEGIN KEY-----\r\nQUJD+/=\r\n-----END KEY-----\r\n')
    certificate.write_bytes(b"-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----")
    config = text_format.Parse(write_config(key, certificate).stdout, SSLConfig())
    assert config.server_key == 'name: "a\\b"\n-----BEGIN KEY-----\nQUJD+/=\n-----END KEY-----\n'
    assert config.server_cert == "-----BEGIN CERTIFICATE-----\nREVG\n-----END CERTIFICATE-----\n"
    assert (config.custom_ca, config.client_verify) == ("", False)


def test_unusable_arguments_stop_with_a_message(tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("no PEM")
    assert "other.txt is not a PEM file" in write_config(other, other).stderr
    assert write_config(other, other).returncode == 2
    assert "ssl_config.sh SERVER_KEY" in write_config(other).stderr
