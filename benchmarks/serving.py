"""Load test of an endpoint, beside the bare call of the same SavedModel."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.serving_benchmark import LoadOptions, ServingBenchmark
from benchmarks.untrained_export import demo_data, export_untrained
from sesrec_tf.command_line import run_command
from sesrec_tf.errors import InputError

_EXAMPLES = """examples:
  python -m benchmarks.serving
  python -m benchmarks.serving --histories 15 --candidates 100 --seconds 10 --output load.json
  python -m benchmarks.serving --model models/sesrec/1
  python -m benchmarks.serving --model models/sesrec/1 --server 127.0.0.1:8500

For every length of history an untrained model is exported (or --model is taken) and served on the
loopback, first without and then with batching. Three loads follow: one caller, several callers
without pause, and random arrivals at a share of what those reached (an open loop, whose latencies
count from the instant a request was due). Times depend on the machine; read the ratios to the bare
call, which runs the same requests one after another in one process.
"""

_DEPLOYMENT = Path(__file__).parents[1] / "serving" / "deploy" / "config"


def main(argv: Sequence[str] | None = None) -> None:
    """Runs the command."""
    arguments = parser().parse_args(argv)
    options = _options(arguments)
    console = Console()
    rows: list[dict[str, Any]] = []
    gains = []
    with (
        tempfile.TemporaryDirectory(prefix="benchmark-") as directory,
        console.status("starting") as status,
    ):
        for version in _versions(arguments, Path(directory), status.update):
            benchmark = ServingBenchmark(version, options, status.update)
            rows += benchmark.rows()
            gains.append(benchmark.encode_once())
    console.print(load_table(rows))
    console.print(gain_table(gains))
    if arguments.output is not None:
        arguments.output.write_text(json.dumps({"load": rows, "encode_once": gains}, indent=2))


def parser() -> argparse.ArgumentParser:
    """The command's flags."""
    result = argparse.ArgumentParser(
        prog="python -m benchmarks.serving",
        description=__doc__,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = result.add_argument
    add("--histories", type=int, nargs="+", metavar="T", help="T_r = T_s (default: 15 150)")
    add("--candidates", type=int, nargs="+", default=[1, 10, 100, 1000], metavar="K")
    add("--seconds", type=float, default=4.0, help="of every load (default: %(default)s)")
    add("--callers", type=int, default=8, help="of the closed loop (default: %(default)s)")
    add(
        "--open-share",
        type=float,
        default=0.6,
        help="rate of the open loop, as a share of the closed one's (default: %(default)s)",
    )
    add(
        "--batching-parameters-file",
        type=Path,
        default=_DEPLOYMENT / "batching_parameters.txt",
        metavar="FILE",
        help="of the loads with batching (default: the deployment's)",
    )
    add(
        "--model",
        type=Path,
        metavar="BASE/N",
        help="an export, instead of untrained ones",
    )
    add("--server", metavar="HOST:PORT", help="where --model is being served already")
    add("--model-name", default="sesrec", help="(default: %(default)s)")
    add("--output", type=Path, metavar="FILE", help="write every figure as JSON")
    return result


def _options(arguments: argparse.Namespace) -> LoadOptions:
    if arguments.server is not None and arguments.model is None:
        raise InputError("--server needs --model BASE/<version>, the version that it serves.")
    if arguments.histories is not None and arguments.model is not None:
        raise InputError("--model has its own lengths of history. Leave --histories out.")
    return LoadOptions(
        candidates=tuple(arguments.candidates),
        seconds=arguments.seconds,
        callers=arguments.callers,
        open_share=arguments.open_share,
        batching_parameters=arguments.batching_parameters_file,
        target=arguments.server,
        model_name=arguments.model_name,
    )


def _versions(
    arguments: argparse.Namespace, directory: Path, report: Callable[[str], None]
) -> Iterator[Path]:
    if arguments.model is not None:
        yield arguments.model
        return
    for length in arguments.histories or (15, 150):
        report(f"exporting a model with histories of {length}")
        data = demo_data(directory / f"data-{length}", length)
        yield export_untrained(data, directory / f"models-{length}")


def load_table(rows: Sequence[dict[str, Any]]) -> Table:
    """Milliseconds and answers a second, with ratios to the bare call."""
    table = Table(title="Load on serving_default; x: ratio to the bare call", title_justify="left")
    for name in ("T", "K", "server", "load"):
        table.add_column(name, justify="left" if name in ("server", "load") else "right")
    for name in ("p50 ms", "p95 ms", "p99 ms", "p50 x", "per s", "per s x", "failed"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            str(row["history"]),
            str(row["candidates"]),
            row["server"],
            row["load"],
            *(f"{row[f'p{p}_ms']:.1f}" for p in (50, 95, 99)),
            f"{row['p50_ratio']:.2f}",
            f"{row['throughput']:.0f}",
            f"{row['throughput_ratio']:.2f}",
            str(sum(row["failures"].values())),
        )
    return table


def gain_table(gains: Sequence[dict[str, Any]]) -> Table:
    """What encoding a history once is worth."""
    table = Table(title="1,000 candidates: one bare call or 1,000", title_justify="left")
    for name in ("T", "one call ms", "1,000 x one candidate ms", "gain"):
        table.add_column(name, justify="right")
    for gain in gains:
        table.add_row(
            str(gain["history"]),
            f"{gain['one_call_ms']:.1f}",
            f"{gain['single_calls_ms']:.0f}",
            f"{gain['gain']:.0f}x",
        )
    return table


if __name__ == "__main__":
    run_command(main)
