"""Encryption and identity of a connection."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc

from serving.client.setting_checks import check_text
from sesrec_tf.errors import InputError

_PEM = b"-----BEGIN "


@dataclass(frozen=True)
class TlsSettings:
    """TLS, and mutual TLS where the client shows a certificate of its own.

    Attributes:
        root_certificates: PEM of the authorities to trust; the system's when `None`.
        client_certificate, client_key: PEM of the client's certificate chain and private key.
        authority: name that the server's certificate should bear, when it is not the host of the
            address, as behind a tunnel or a bare IP address.

    Raises:
        InputError: for what is no PEM, or a certificate without its key.
    """

    root_certificates: bytes | None = None
    client_certificate: bytes | None = None
    client_key: bytes | None = field(default=None, repr=False)
    authority: str | None = None

    def __post_init__(self) -> None:
        if (self.client_certificate is None) != (self.client_key is None):
            raise InputError(
                "`client_certificate` and `client_key` belong together. Received only one of them."
            )
        for name in ("root_certificates", "client_certificate", "client_key"):
            content = getattr(self, name)
            if content is None:
                continue
            if not isinstance(content, bytes):
                # Not the content itself: it may be a key.
                raise InputError(
                    f"`{name}` should be bytes of PEM. Received: {type(content).__name__}. "
                    "Read files with TlsSettings.from_files."
                )
            if _PEM not in content:
                raise InputError(
                    f"`{name}` should be PEM, with a line {_PEM.decode()}…-----. Received "
                    f"{len(content)} bytes without one."
                )

        if self.authority is not None:
            check_text("authority", self.authority)

    @classmethod
    def from_files(
        cls,
        root_certificates: str | Path | None = None,
        client_certificate: str | Path | None = None,
        client_key: str | Path | None = None,
        authority: str | None = None,
    ) -> TlsSettings:
        """Reads the PEM files.

        Raises:
            InputError: if one cannot be read or is no PEM.
        """
        return cls(
            _read(root_certificates), _read(client_certificate), _read(client_key), authority
        )

    def credentials(self) -> Any:
        """gRPC's form of them."""
        return grpc.ssl_channel_credentials(
            self.root_certificates, self.client_key, self.client_certificate
        )

    def channel_options(self) -> list[tuple[str, Any]]:
        """gRPC's options of a channel."""
        if self.authority is None:
            return []
        return [("grpc.ssl_target_name_override", self.authority)]


def _read(file: str | Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return Path(file).read_bytes()
    except OSError as error:
        raise InputError(f"cannot read {file}: {error}. Expected a PEM file.") from error
