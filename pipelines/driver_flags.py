"""The flags that say where a preparation or a bulk scoring runs."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sesrec_tf.data.local_driver import MEMORY, LocalDriver
from sesrec_tf.data.preparation_driver import PreparationDriver
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.errors import InputError
from sesrec_tf.usable_cores import usable_cores

if TYPE_CHECKING:
    from apache_beam.options.pipeline_options import PipelineOptions

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_LEAST_MEMORY = 1 << 20


PARTITIONS = 64
"""Default of `--partitions`."""


def add_driver_flags(result: argparse.ArgumentParser) -> None:
    """Adds the flags of the drivers."""
    local = result.add_argument_group("on this machine")
    local.add_argument(
        "--processes",
        type=int,
        metavar="N",
        help="that share the work (default: one for each core)",
    )
    local.add_argument(
        "--memory",
        metavar="BYTES",
        help="for the events at work in all processes together, such as 500M or 8G; libraries and "
        f"vocabularies come on top (default: {_text(MEMORY)})",
    )

    runner = result.add_argument_group(
        "on Beam", "all other flags are the runner's, such as --direct_num_workers=4"
    )
    add_runner_flags(runner, None, "none, processes of this machine")
    runner.add_argument(
        "--partitions",
        type=int,
        metavar="N",
        help=f"of the users, at most {BUCKETS}; a worker holds one at a time "
        f"(default: {PARTITIONS})",
    )


def add_runner_flags(
    flags: argparse._ArgumentGroup, default: str | None, default_name: str | None = None
) -> None:
    """Adds the flags of a Beam runner.

    Args:
        flags: where to.
        default: of `--runner`.
        default_name: the same for people.
    """
    flags.add_argument(
        "--runner",
        default=default,
        metavar="NAME",
        help="FnApiRunner (this machine), FlinkRunner, SparkRunner, DataflowRunner, PortableRunner "
        f"or any other; see docs/preparation.md (default: {default_name or default})",
    )
    flags.add_argument(
        "--beam-option",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="an option that only the runner's own job server knows; not checked (repeatable)",
    )
    flags.add_argument(
        "--staging",
        metavar="DIR",
        help="a path or URL that all workers share (default: beside the output)",
    )


def chosen_driver(arguments: argparse.Namespace, others: Sequence[str]) -> PreparationDriver:
    """The driver that the flags name.

    Args:
        arguments: of the flags of `add_driver_flags`.
        others: flags that nobody else knows.

    Raises:
        InputError: if one is unknown, out of range or of another driver.
    """
    if arguments.runner is None:
        _refuse_beam_flags(arguments, others)
        return _local_driver(arguments)
    for name in ("processes", "memory"):
        if getattr(arguments, name) is not None:
            raise InputError(
                f"`--{name}` belongs to preparation in processes of this machine. Received: "
                f"`--runner {arguments.runner}`. Leave one of them out."
            )
    partitions = PARTITIONS if arguments.partitions is None else arguments.partitions
    if not 1 <= partitions <= BUCKETS:
        raise InputError(f"`--partitions` should be 1 to {BUCKETS}. Received: {partitions}.")
    # Only now: Beam takes a second to import.
    from pipelines.beam.driver import BeamDriver

    return BeamDriver(runner_options(arguments, others), partitions, arguments.staging)


def runner_options(arguments: argparse.Namespace, others: Sequence[str]) -> PipelineOptions:
    """The options of Beam that the flags name.

    Args:
        arguments: of the flags of `add_runner_flags`, and all others of the command.
        others: flags that nobody else knows.

    Raises:
        InputError: as `beam_options`.
    """
    from pipelines.beam.options import beam_options

    ours = [_flag(name) for name in vars(arguments)]
    return beam_options(arguments.runner, others, arguments.beam_option, ours)


def _refuse_beam_flags(arguments: argparse.Namespace, others: Sequence[str]) -> None:
    names = ("partitions", "staging", "beam_option")
    beam = [_flag(name) for name in names if getattr(arguments, name) not in (None, [])]
    if beam or others:
        raise InputError(
            f"unrecognized arguments: {' '.join([*beam, *others])}. Expected the flags that "
            "`--help` lists; those for Beam only beside `--runner`. Mend or drop them."
        )


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _local_driver(arguments: argparse.Namespace) -> LocalDriver:
    processes = arguments.processes
    if processes is None:
        processes = usable_cores()
    if processes < 1:
        raise InputError(f"`--processes` should be at least 1. Received: {processes}.")
    memory = MEMORY if arguments.memory is None else _bytes(arguments.memory)
    return LocalDriver(processes, memory)


def _bytes(text: str) -> int:
    found = re.fullmatch(r"([0-9]+)([KMGT]?)B?", text.upper())
    size = int(found[1]) * _UNITS[found[2]] if found else 0
    if size < _LEAST_MEMORY:
        raise InputError(
            "`--memory` should be a number of bytes of at least 1M, such as 500M or 8G. Received: "
            f"{text!r}."
        )
    return size


def _text(size: int) -> str:
    return f"{size // _UNITS['G']}G"
