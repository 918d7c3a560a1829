"""Cold start of an export with and without its warm-up requests."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.load import Load
from benchmarks.ranking_requests import draw_request, read_servable, serialized
from benchmarks.server_process import ServerProcess
from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError
from sesrec_tf.version_layout import WARMUP_FILE

_EXAMPLES = """examples:
  python -m benchmarks.cold_start --model models/sesrec/1

"ready" counts from the start of the process, Python's and TensorFlow's imports included; "first" is
the first request after it, "later" the median of those that follow.
"""

_LATER_SECONDS = 2.0


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    history, vocabularies = read_servable(arguments.model)
    if not (arguments.model / WARMUP_FILE).is_file():
        raise InputError(f"{arguments.model} has no {WARMUP_FILE} to do without.")
    request = draw_request(
        np.random.default_rng(0), vocabularies, history, arguments.num_candidates
    )
    console = Console()
    table = Table(title=f"{arguments.num_candidates} candidates", title_justify="left")
    for name in ("", "ready s", "first ms", "later ms"):
        table.add_column(name, justify="right" if name else "left")
    with tempfile.TemporaryDirectory(prefix="benchmark-") as directory:
        for name in ("with warm-up", "without"):
            version = Path(directory) / name / "1"
            shutil.copytree(arguments.model, version)
            if name == "without":
                (version / WARMUP_FILE).unlink()
            with console.status(f"starting {name}"):
                times = [
                    measure(version.parent, serialized(request, "sesrec"))
                    for _ in range(arguments.repeats)
                ]
            ready, first, later = np.median(times, axis=0)
            table.add_row(name, f"{ready:.1f}", f"{1000 * first:.0f}", f"{1000 * later:.1f}")
    console.print(table)


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.cold_start",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--model", type=Path, required=True, metavar="BASE/N", help="an exported version")
    add("--num-candidates", type=int, default=100, metavar="K", help="(default: %(default)s)")
    add("--repeats", type=int, default=3, help="medians are printed (default: %(default)s)")
    return result


def measure(base: Path, request: bytes) -> tuple[float, float, float]:
    """Seconds until the server is ready, of the first answer, and of later ones."""
    start = time.perf_counter()
    with ServerProcess(base) as server:
        ready = time.perf_counter() - start
        result = Load(server.target, [request]).closed(1, _LATER_SECONDS)
    if result.failures or len(result.latencies) < 2:
        raise InputError(f"the server did not answer as it should: {result.failures}.")
    first, *later = result.latencies
    return ready, first, float(np.median(later))


if __name__ == "__main__":
    run_command(main)
