"""New versions under load: how many requests fail, and what the others wait."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent import futures
from pathlib import Path

import grpc
import numpy as np
from rich.console import Console
from tensorflow_serving.apis import get_model_status_pb2, model_service_pb2_grpc

from benchmarks.load import Load, LoadResult
from benchmarks.ranking_requests import draw_request, read_servable, serialized
from benchmarks.server_process import ServerProcess
from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError
from sesrec_tf.servable.versions import publish_version

_EXAMPLES = """examples:
  python -m benchmarks.hot_swap --model models/sesrec/1 --swaps 5

Copies of the version are published one after another while callers ask without pause; each once the
one before it is served.
"""

_SWAP_SECONDS = 120
_POLL_SECONDS = 0.2


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command; exits with 1 if a request failed."""
    arguments = parser().parse_args(argv)
    console = Console()
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        base = Path(directory) / "models"
        publish_copy(arguments.model, base)
        with console.status(f"{arguments.swaps} swaps, one every {arguments.every:g} s"):
            result, version = swap_under_load(arguments, base)
    console.print(
        f"{len(result.latencies)} requests answered over {result.seconds:.0f} s and "
        f"{arguments.swaps} swaps, the last by version {version}; failed: "
        f"{result.failures or 'none'}; p50 {result.percentile(50):.1f} ms, "
        f"p99 {result.percentile(99):.1f} ms, longest {result.percentile(100):.0f} ms",
        soft_wrap=True,
    )
    if result.failures:
        raise SystemExit(1)


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.hot_swap",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--model", type=Path, required=True, metavar="BASE/N", help="an exported version")
    add("--swaps", type=int, default=5, help="versions published (default: %(default)s)")
    add("--every", type=float, default=3.0, help="seconds before each (default: %(default)s)")
    add("--callers", type=int, default=4, help="(default: %(default)s)")
    add("--num-candidates", type=int, default=100, metavar="K", help="(default: %(default)s)")
    return result


def publish_copy(model: Path, base: Path) -> Path:
    """The next version under `base`, of the same content."""

    def write(path: Path) -> None:
        shutil.copytree(model, path, dirs_exist_ok=True)

    return publish_version(base, write)


def swap_under_load(arguments: argparse.Namespace, base: Path) -> tuple[LoadResult, int]:
    """What callers saw, and the version that answers at the end."""
    history, vocabularies = read_servable(arguments.model)
    random = np.random.default_rng(0)
    requests = [
        serialized(draw_request(random, vocabularies, history, arguments.num_candidates), "sesrec")
        for _ in range(50)
    ]
    stopped = threading.Event()
    with ServerProcess(base) as server, futures.ThreadPoolExecutor(1) as publisher:
        swaps = publisher.submit(swap, arguments, base, server.target, stopped)
        try:
            result = Load(server.target, requests).closed_until(arguments.callers, swaps.done)
            return result, swaps.result()
        finally:
            stopped.set()


def swap(arguments: argparse.Namespace, base: Path, target: str, stopped: threading.Event) -> int:
    """Publishes one version after another, each once the one before is served; the last one.

    Raises:
        InputError: if a version is not served in `_SWAP_SECONDS`.
    """
    version = 1
    for _ in range(arguments.swaps):
        if stopped.wait(arguments.every):
            return version
        version = int(publish_copy(arguments.model, base).name)
        given_up = time.monotonic() + _SWAP_SECONDS
        while served_version(target) != version:
            if time.monotonic() > given_up:
                raise InputError(f"version {version} is not served after {_SWAP_SECONDS} s.")
            if stopped.wait(_POLL_SECONDS):
                return version
    stopped.wait(arguments.every)
    return version


def served_version(target: str) -> int:
    """The highest version that is AVAILABLE."""
    request = get_model_status_pb2.GetModelStatusRequest()
    request.model_spec.name = "sesrec"
    with grpc.insecure_channel(target) as channel:
        stub = model_service_pb2_grpc.ModelServiceStub(channel)
        answer = stub.GetModelStatus(request, timeout=30)
    available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
    return max(v.version for v in answer.model_version_status if v.state == available)


if __name__ == "__main__":
    run_command(main)
