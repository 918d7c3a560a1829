"""Flags of every command that talks to a server."""

from __future__ import annotations

import argparse
from typing import Any

from serving.client.endpoint import DEFAULT_MESSAGE_BYTES, MAXIMUM_RETRIES
from serving.client.tls_settings import TlsSettings
from sesrec_tf.errors import InputError

_TLS_FILES = ("root_certificates", "client_certificate", "client_key")


def add_client_flags(parser: argparse.ArgumentParser) -> None:
    """Adds address, model, patience and encryption."""
    _add_server_flags(parser)
    tls = parser.add_argument_group("encryption, on with any of these")
    tls.add_argument("--tls", action="store_true", help="trust the system's authorities")
    tls.add_argument("--root-certificates", metavar="FILE", help="PEM of authorities to trust")
    tls.add_argument("--client-certificate", metavar="FILE", help="PEM to show the server")
    tls.add_argument("--client-key", metavar="FILE", help="PEM of its private key")
    tls.add_argument("--authority", metavar="NAME", help="name in the server's certificate")


def client_settings(arguments: argparse.Namespace) -> dict[str, Any]:
    """Arguments of a client from parsed flags.

    Raises:
        InputError: for an unusable TLS file, or a limit below 1 MiB.
    """
    if arguments.max_message_mb < 1:
        raise InputError(
            f"`--max-message-mb` should be positive. Received: {arguments.max_message_mb}."
        )
    limit = min(arguments.max_message_mb << 20, 2**31 - 1)
    return {
        "target": arguments.server,
        "model_name": arguments.model_name,
        "version": arguments.model_version,
        "version_label": arguments.version_label,
        "timeout": arguments.timeout,
        "retries": arguments.retries,
        "tls": _tls(arguments),
        "max_request_bytes": limit,
        "max_response_bytes": limit,
    }


def _add_server_flags(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("server")
    group.add_argument(
        "--server",
        default="127.0.0.1:8500",
        metavar="HOST:PORT",
        help="TF Serving's gRPC address (default: %(default)s)",
    )
    group.add_argument("--model-name", default="sesrec", help="(default: %(default)s)")
    group.add_argument(
        "--model-version", type=int, metavar="N", help="(default: the highest served)"
    )
    group.add_argument(
        "--version-label", metavar="LABEL", help="stable, canary, ... instead of a version"
    )
    group.add_argument(
        "--timeout",
        type=float,
        default=10.0,
        metavar="S",
        help="seconds for an answer (default: %(default)s)",
    )
    group.add_argument(
        "--retries",
        type=int,
        default=3,
        metavar="N",
        help=f"further attempts while it is UNAVAILABLE, 0 to {MAXIMUM_RETRIES} "
        "(default: %(default)s)",
    )
    group.add_argument(
        "--max-message-mb",
        type=int,
        default=DEFAULT_MESSAGE_BYTES >> 20,
        metavar="N",
        help="largest request and answer, in MiB (default: %(default)s)",
    )


def _tls(arguments: argparse.Namespace) -> TlsSettings | None:
    files = {name: getattr(arguments, name) for name in _TLS_FILES}
    if not (arguments.tls or arguments.authority or any(files.values())):
        return None
    return TlsSettings.from_files(**files, authority=arguments.authority)
