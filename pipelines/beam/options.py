"""Beam's own options on our command line."""

from __future__ import annotations

import argparse
import difflib
import logging
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NoReturn

import apache_beam as beam
import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions

from sesrec_tf.errors import InputError

_SECONDS_TO_ANSWER = 30
_A_MONTH = 30 * 24 * 3600


def beam_options(
    runner: str, flags: Sequence[str], unchecked: Sequence[str] = ()
) -> PipelineOptions:
    """The options of a pipeline.

    Args:
        runner: as Beam's `--runner` takes it.
        flags: all others.
        unchecked: `NAME=VALUE` of options that only the runner's own job server knows.

    Raises:
        InputError: if Beam does not know a flag or the runner, a value is of the wrong type, or no
            job service answers.
    """
    _require_known(flags)
    options = PipelineOptions([*flags, *(f"--{option}" for option in unchecked)], runner=runner)
    try:
        beam.Pipeline(options=options)
    except (ValueError, ImportError, AttributeError) as error:
        raise InputError(
            f"there is no runner {runner} ({error}). Expected FnApiRunner, FlinkRunner, "
            "SparkRunner, DataflowRunner, PortableRunner or the full name of a class. Mend "
            "`--runner`."
        ) from error
    _reach_job_service(runner, options.view_as(PortableOptions))
    return options


def _require_known(flags: Sequence[str]) -> None:
    parsers: list[argparse.ArgumentParser] = []

    def keep(parser: argparse.ArgumentParser) -> None:
        parser.error = _refuse  # type: ignore[method-assign, assignment]
        parsers.append(parser)

    with _quiet():
        PipelineOptions(list(flags)).get_all_options(add_extra_args_fn=keep)
    unknown = parsers[0].parse_known_args(list(flags))[1]
    if unknown:
        known = sorted(set(re.findall(r"--\w+", parsers[0].format_usage())))
        near = difflib.get_close_matches(unknown[0].partition("=")[0], known, 1)
        hint = f" (did you mean {near[0]}?)" if near else ""
        _refuse(f"unrecognized arguments: {' '.join(unknown)}{hint}")


def _refuse(message: str) -> NoReturn:
    raise InputError(
        f"{message}. Expected flags that `--help` lists or that Beam knows. Mend or drop them."
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Beam warns of what is refused here."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def _reach_job_service(runner: str, options: PortableOptions) -> None:
    endpoint = options.job_endpoint
    if not endpoint:
        if runner == "PortableRunner":
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
