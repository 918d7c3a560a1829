"""Flags of the server command."""

from __future__ import annotations

import argparse

from serving.server.development_server import (
    GRACE_SECONDS,
    MAX_MESSAGE_MIB,
    MAX_PENDING,
    WORKERS,
)
from serving.server.model_manager import MAXIMUM_RETRIES, RETRY_SECONDS

EXAMPLES = """\
examples:
  python -m serving.server --model-base-path export --port 8500
  python -m serving.server --model-base-path export --port 0      # any free port, printed
  python -m serving.server --model-base-path export --rest-api-port 8501
  python -m serving.server --model-base-path export --enable-batching \\
      --batching-parameters-file serving/deploy/config/batching_parameters.txt
  python -m serving.server --model-config-file serving/deploy/config/models.config \\
      --model-base-path export --allow-version-labels-for-unavailable-models

BASE holds one directory per version, named by an integer; the highest is served, and a new one
takes its place without a failed request. The server answers Predict, GetModelMetadata,
GetModelStatus and HandleReloadConfigRequest as TF Serving does, so any TF Serving client works, for
instance: python -m serving.client --help
It is meant for development: no TLS, no authentication. In production run TF Serving.
"""


def server_parser(description: str | None) -> argparse.ArgumentParser:
    """The command's flags, those of TF Serving's where it has them."""
    parser = argparse.ArgumentParser(
        prog="python -m serving.server",
        description=description,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_model_flags(parser.add_argument_group("models"))
    _add_batching_flags(parser.add_argument_group("batching"))
    _add_server_flags(parser.add_argument_group("server"))
    return parser


def _add_model_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--model-base-path", metavar="BASE", help="directory of the versions")
    group.add_argument(
        "--model-name", default="sesrec", help="name in requests (default: %(default)s)"
    )
    group.add_argument(
        "--model-config-file",
        metavar="FILE",
        help="models, version policies and labels, as TF Serving's models.config; a BASE given "
        "beside it replaces the path of its one model",
    )
    group.add_argument(
        "--model-config-file-poll-wait-seconds",
        type=float,
        default=0.0,
        metavar="SECONDS",
        help="between two looks at a changed FILE, 0 for none (default: %(default)s)",
    )
    group.add_argument(
        "--allow-version-labels-for-unavailable-models",
        action="store_true",
        help="as TF Serving's flag, which labels need when the server starts",
    )
    group.add_argument(
        "--file-system-poll-wait-seconds",
        type=float,
        default=1.0,
        metavar="SECONDS",
        help="between two looks for new versions, 0 for none (default: %(default)s)",
    )
    group.add_argument(
        "--max-num-load-retries",
        type=int,
        default=MAXIMUM_RETRIES,
        metavar="N",
        help="further attempts to load a version that fails (default: %(default)s)",
    )
    group.add_argument(
        "--load-retry-interval-seconds",
        type=float,
        default=RETRY_SECONDS,
        metavar="SECONDS",
        help="between these attempts (default: %(default)s)",
    )
    group.add_argument(
        "--no-warmup", action="store_true", help="leave out the warm-up requests of a version"
    )


def _add_batching_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--enable-batching", action="store_true", help="compute requests together, as TF Serving"
    )
    group.add_argument(
        "--batching-parameters-file",
        metavar="FILE",
        help="TF Serving's text form of BatchingParameters (default: TF Serving's defaults)",
    )


def _add_server_flags(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--port", type=int, default=8500, help="TCP port, 0 for a free one (default: %(default)s)"
    )
    group.add_argument(
        "--rest-api-port",
        type=int,
        default=0,
        metavar="PORT",
        help="TCP port of the REST interface, 0 for none (default: %(default)s)",
    )
    group.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; there is no authentication (default: %(default)s)",
    )
    group.add_argument(
        "--workers",
        type=int,
        help=f"requests at the same time (default: {WORKERS}; with batching two batches full)",
    )
    group.add_argument(
        "--max-pending",
        type=int,
        default=MAX_PENDING,
        metavar="N",
        help="requests that may wait; more are refused at once (default: %(default)s)",
    )
    group.add_argument(
        "--max-message-mb",
        type=int,
        default=MAX_MESSAGE_MIB,
        metavar="MIB",
        help="largest request or response (default: %(default)s)",
    )
    group.add_argument(
        "--grace-seconds",
        type=float,
        default=GRACE_SECONDS,
        metavar="SECONDS",
        help="for requests under way when the server stops (default: %(default)s)",
    )
