"""Speed of training, evaluation and input, beside the official code where it is at hand."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from benchmarks.speed.device_list import DeviceList
from benchmarks.speed.generated_data import GeneratedData
from benchmarks.speed.measure import measure
from benchmarks.speed.peer_checks import require_peer
from benchmarks.speed.result_plot import write_plot
from benchmarks.speed.results_file import ResultsFile
from benchmarks.speed.run_facts import run_facts
from benchmarks.speed.speed_options import SpeedOptions
from benchmarks.speed.suite import benchmarks, chosen
from benchmarks.speed.tables import result_table
from sesrec_tf.command_line import run_command

_NAMES = tuple(benchmarks(peer=False))

_EXAMPLES = f"""examples:
  python -m benchmarks.run
  python -m benchmarks.run --only training_step catalogue --repeats 9
  python -m benchmarks.run --peer ../SESRec --peer-python ../torch-venv/bin/python
  python -m benchmarks.run --only training_step --devices GPU:0 GPU:1
  python -m benchmarks.run --scale 50 --repeats 1 --seconds 0.2

benchmarks: {", ".join(_NAMES)}.

Logs are drawn by a seed at the paper's vocabulary sizes and lengths of history. Every subject is a
process of its own, stopped by a signal while it is not its turn; rounds alternate between the
subjects of a benchmark, so that each ratio is of two neighbouring rounds of one run. Figures are
medians with the extremes of the rounds. Use a quiet machine: other processes' work is recorded, and
reported if it is too much.

The official code runs unchanged, on the CPU, with its own settings and PyTorch's number of threads,
except for vocabulary sizes, paths and its loaders: --peer-workers processes for training and for
evaluation and one for the alignment negatives, two batches ahead each and kept between epochs, and
evaluation batches cut so that every process has four. Beside loaders its threads wait without
spinning (OMP_WAIT_POLICY=PASSIVE, unless that is set), which is faster there; in the model-only
step they do as PyTorch has it. Its memory is without its loader processes.

The first step counts from the start of the process: imports, the model (with its optimiser) and the
first call, which reads the first batch, traces if need be, and takes the step.

results.json and results.png in --output hold every benchmark's latest results, each with the
machine, date and command it is from: a run replaces those that it measures and leaves the others.
"""


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    given = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(given)
    options = _options(arguments)
    suite = chosen(benchmarks(options.peer is not None, options.scale), arguments.only or ())
    if options.peer is not None:
        require_peer(options.peer, options.peer_python)
    results = ResultsFile(arguments.output / "results.json")
    run = run_facts(given, options)
    console = Console()
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
        console.status("starting") as status,
    ):
        data = GeneratedData(Path(directory), status.update)
        for benchmark in suite:
            result = measure(benchmark, data, options, Path(directory), status.update)
            console.print(result_table(result))
            results.put(benchmark.name, run, result)
            write_plot(arguments.output / "results.png", results.benchmarks)
    console.print(f"{arguments.output / 'results.json'} and results.png", soft_wrap=True)


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.run",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--only", nargs="+", metavar="NAME", help="benchmarks to run (default: all)")
    add("--repeats", type=int, default=5, help="rounds of every subject (default: %(default)s)")
    add(
        "--seconds",
        type=float,
        default=2.5,
        help="of a round, at least one step or pass (default: %(default)s)",
    )
    add(
        "--devices",
        nargs="+",
        default=[],
        metavar="DEVICE",
        help="such as GPU:0 GPU:1, or CPU:0 CPU:1 for logical CPUs; mirrored over if several "
        "(default: all visible GPUs, else the CPU)",
    )
    add("--peer", type=Path, metavar="PATH", help="checkout of the official PyTorch repository")
    add(
        "--peer-python",
        default=sys.executable,
        metavar="EXE",
        help="a Python with what it imports (default: this one)",
    )
    add(
        "--peer-workers",
        type=int,
        default=2,
        metavar="N",
        help="its loader processes for training and for evaluation (default: %(default)s)",
    )
    add(
        "--scale",
        type=int,
        default=1,
        metavar="D",
        help="divide vocabularies, instances and batches by D, to try the command itself; figures "
        "then say nothing about the paper's sizes (default: %(default)s)",
    )
    add(
        "--output",
        type=Path,
        default=Path("benchmark-results"),
        metavar="DIR",
        help="(default: %(default)s)",
    )
    return result


def _options(arguments: argparse.Namespace) -> SpeedOptions:
    return SpeedOptions(
        repeats=arguments.repeats,
        seconds=arguments.seconds,
        scale=arguments.scale,
        devices=DeviceList.parse(arguments.devices),
        peer=None if arguments.peer is None else Path(os.path.abspath(arguments.peer)),
        peer_python=arguments.peer_python,
        peer_workers=arguments.peer_workers,
    )


if __name__ == "__main__":
    run_command(main)
