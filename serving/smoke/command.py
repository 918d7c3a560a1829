"""Checks a running endpoint end to end against the scores of the run that it should serve."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from serving.client.client_flags import add_client_flags, client_settings
from serving.client.ranking_client import RankingClient
from serving.smoke.check_result import ABSENT, FAILED, OK, CheckResult
from serving.smoke.smoke_checks import SmokeChecks
from serving.smoke.smoke_sample import SmokeSample
from sesrec_tf.errors import InputError

EXAMPLES = """\
examples:
  python -m serving.smoke --server 127.0.0.1:8500 --run runs/first
  python -m serving.smoke --server ranker:8500 --version-label canary --run runs/second
  python -m serving.smoke --run runs/first --record expected.json      # no server needed
  python -m serving.smoke --server ranker:8500 --expected expected.json   # no run needed

Requests are test instances of the data set that the run names or --data gives; where that is gone
they are drawn from the run's vocabularies. The model of the run is loaded and scores them here.
A file made with --record holds requests and scores, so that a machine without the run, TensorFlow
and the data can check an endpoint. Exit status: 0 if all is well, 1 if a check failed, 2 if it
could not be run.
"""

_STYLES = {OK: "green", FAILED: "bold red", ABSENT: "dim"}


def main(argv: Sequence[str] | None = None) -> None:
    """Prints a table of checks.

    Raises:
        InputError: for unusable arguments, an unusable run or file.
        SystemExit: with status 1 if a check failed.
    """
    arguments = _parser().parse_args(argv)
    _check_arguments(arguments)
    sample = _sample(arguments)
    if arguments.record is not None:
        sample.write(arguments.record)
        print(f"wrote {len(sample.requests)} requests with their scores to {arguments.record}")
        return
    results = _results(arguments, sample)
    console = Console()
    console.print(_table(results, arguments.server))
    failed = sum(result.outcome == FAILED for result in results)
    if failed:
        print(f"{failed} of {len(results)} checks FAILED")
        raise SystemExit(1)
    print(f"all is well: {sum(result.outcome == OK for result in results)} checks ok")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m serving.smoke",
        description=__doc__,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--run", type=Path, metavar="DIR", help="the run that should be served")
    source.add_argument("--expected", type=Path, metavar="FILE", help="what --record wrote")
    parser.add_argument("--data", type=Path, metavar="DIR", help="the run's prepared data set")
    parser.add_argument(
        "--requests", type=int, default=32, metavar="N", help="(default: %(default)s)"
    )
    parser.add_argument("--record", type=Path, metavar="FILE", help="only write what to expect")
    parser.add_argument(
        "--tolerance",
        type=float,
        default=1e-5,
        metavar="X",
        help="largest difference of a score, relative above 1 (default: %(default)s)",
    )
    parser.add_argument(
        "--latency-calls", type=int, default=50, metavar="N", help="(default: %(default)s)"
    )
    add_client_flags(parser)
    return parser


def _check_arguments(arguments: argparse.Namespace) -> None:
    for name in ("requests", "latency_calls", "tolerance"):
        value = getattr(arguments, name)
        if not value > 0:
            raise InputError(f"`--{name.replace('_', '-')}` should be positive. Received: {value}.")
    for name in ("data", "record"):
        if arguments.expected is not None and getattr(arguments, name) is not None:
            raise InputError(f"--{name} belongs to --run. Received it with --expected.")


def _sample(arguments: argparse.Namespace) -> SmokeSample:
    if arguments.expected is not None:
        return SmokeSample.read(arguments.expected)
    with Console(stderr=True).status(f"loading {arguments.run} and scoring here"):
        # TensorFlow is needed for this alone.
        from serving.smoke.run_sample import run_sample
        from sesrec_tf.training.run_directory import RunDirectory

        sample, origin = run_sample(
            RunDirectory.open(arguments.run), arguments.data, arguments.requests
        )
    print(f"{len(sample.requests)} requests: {origin}")
    return sample


def _results(arguments: argparse.Namespace, sample: SmokeSample) -> list[CheckResult]:
    results = []
    with (
        RankingClient(**client_settings(arguments)) as client,
        Console(stderr=True).status("checking") as status,
    ):
        checks = SmokeChecks(client, sample, arguments.tolerance, arguments.latency_calls)
        for result in checks():
            results.append(result)
            status.update(f"checking; {len(results)} done")
    return results


def _table(results: Sequence[CheckResult], server: str) -> Table:
    table = Table(title=Text(server), title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("check", overflow="fold")
    table.add_column("result", no_wrap=True)
    table.add_column("found", overflow="fold")
    for result in results:
        table.add_row(
            result.name, Text(result.outcome, _STYLES[result.outcome]), Text(result.detail)
        )
    return table
