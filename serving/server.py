"""Serves a model over TF Serving's gRPC API, on a machine without TF Serving or Docker."""

from __future__ import annotations

import argparse
import signal
import threading
from collections.abc import Sequence

import tensorflow as tf
from rich.console import Console

from serving.development_server import DevelopmentServer
from serving.model_manager import ModelManager
from sesrec_tf.command_line import run_command

EXAMPLES = """\
examples:
  python -m serving.server --model-base-path export --port 8500
  python -m serving.server --model-base-path export --port 0      # any free port, printed

BASE holds one directory per version, named by an integer; the highest is served. The server
answers Predict, GetModelMetadata and GetModelStatus as TF Serving does, so any TF Serving
client works, for instance: python -m serving.client --help
It is meant for development: one model, one version, no TLS. In production run TF Serving.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Serves until SIGTERM or Ctrl-C.

    Raises:
        InputError: if the port cannot be used, or BASE holds no version that can be served.
    """
    arguments = _parser().parse_args(argv)
    manager = ModelManager(arguments.model_name, arguments.model_base_path)
    with DevelopmentServer(
        arguments.host, arguments.port, arguments.workers, arguments.max_message_mb << 20
    ) as server:
        _let_gpu_memory_grow()
        with Console(stderr=True).status(f"loading {manager.latest_path}"):
            servable = manager.load_latest()
        stopped = _stop_on_signals()
        server.start(manager)
        print(
            f"ready: grpc://{server.address} model {manager.name} version {servable.version} "
            f"(signatures {', '.join(servable.predict_signatures)})",
            flush=True,
        )
        stopped.wait()
    print("stopped", flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.server",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--model-base-path", required=True, metavar="BASE", help="directory of the versions"
    )
    parser.add_argument(
        "--port", type=int, default=8500, help="TCP port, 0 for a free one (default: %(default)s)"
    )
    parser.add_argument(
        "--model-name", default="sesrec", help="name in requests (default: %(default)s)"
    )
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="address to listen on; there is no authentication (default: %(default)s)",
    )
    parser.add_argument(
        "--workers", type=int, default=4, help="requests at the same time (default: %(default)s)"
    )
    parser.add_argument(
        "--max-message-mb",
        type=int,
        default=64,
        help="largest request or response, in MiB (default: %(default)s)",
    )
    return parser


def _let_gpu_memory_grow() -> None:
    """Leaves GPU memory to whatever else runs on a development machine."""
    for device in tf.config.list_physical_devices("GPU"):
        tf.config.experimental.set_memory_growth(device, True)


def _stop_on_signals() -> threading.Event:
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    return stopped


if __name__ == "__main__":
    run_command(main)
