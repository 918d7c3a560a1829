"""Beam's own options on our command line."""

from __future__ import annotations

import argparse
import difflib
import logging
import re
from collections.abc import Sequence
from typing import NoReturn

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.portability.portable_runner import PortableRunner

from pipelines.beam.log_level import silenced
from sesrec_tf.errors import InputError

_SECONDS_TO_ANSWER = 30
_A_MONTH = 30 * 24 * 3600


def beam_options(
    runner: str, flags: Sequence[str], unchecked: Sequence[str] = (), ours: Sequence[str] = ()
) -> PipelineOptions:
    """The options of a pipeline.

    Args:
        runner: as Beam's `--runner` takes it.
        flags: all others.
        unchecked: `NAME=VALUE` of options that only the runner's own job server knows.
        ours: flags that are no options of Beam, to find a misspelt one among.

    Raises:
        InputError: if Beam does not know a flag or the runner, a value is of the wrong type, or no
            job service answers.
    """
    _require_known(flags, ours)
    options = PipelineOptions([*flags, *(f"--{option}" for option in unchecked)], runner=runner)
    try:
        chosen = beam.Pipeline(options=options).runner
    except (ValueError, TypeError, ImportError, AttributeError) as error:
        raise InputError(
            f"`--runner {runner}` cannot be used ({error}). Expected FnApiRunner, FlinkRunner, "
            "SparkRunner, DataflowRunner, PortableRunner or the full name of a class, with the "
            "options that it needs. Mend the name, or add them."
        ) from error
    # Those that are derived from it start a job service of their own.
    _reach_job_service(options.view_as(PortableOptions), type(chosen) is PortableRunner)
    return options


def _require_known(flags: Sequence[str], ours: Sequence[str]) -> None:
    parsers: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser) -> None:
        parser.error = _refuse  # type: ignore[method-assign, assignment]
        parsers.append(parser)

    # Beam warns of what is refused here.
    with silenced(logging.WARNING):
        PipelineOptions(list(flags)).get_all_options(add_extra_args_fn=keep)
    unknown = parsers[0].parse_known_args(list(flags))[1]
    if unknown:
        known = sorted({*ours, *re.findall(r"--\w+", parsers[0].format_usage())})
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        _refuse(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def _refuse(message: str) -> NoReturn:
    raise InputError(
        f"{message}. Expected flags that `--help` lists or that Beam knows. Mend or drop them."
    )


def _reach_job_service(options: PortableOptions, required: bool) -> None:
    endpoint = options.job_endpoint
    if not endpoint:
        if required:
            raise InputError(
                "`--runner PortableRunner` needs `--job_endpoint=HOST:PORT`, where a job service "
                "listens. Received: none. Add it."
            )
        return
    if endpoint == "embed":
        return
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=_SECONDS_TO_ANSWER)
        except grpc.FutureTimeoutError:
            raise InputError(
                f"`--job_endpoint={endpoint}`: no job service answered for {_SECONDS_TO_ANSWER} s. "
                "Start one there, or mend the address."
            ) from None
    # It also limits how long Beam listens to a running job, by default for five minutes.
    options.job_server_timeout = max(options.job_server_timeout, _A_MONTH)
