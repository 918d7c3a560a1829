"""Running a pipeline so that Ctrl-C ends it, and all its processes, at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult, PipelineState

from pipelines.beam.log_level import silenced
from pipelines.beam.staging import Staging, stop_writing, writing_stopped

_SECONDS_TO_NOTICE = 0.1
_SECONDS_TO_STOP = 1.0
_SECONDS_BETWEEN_REPORTS = 1.0


class _Execution(threading.Thread):
    """Beside the main thread, where Beam would take Ctrl-C for an error of a step."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        super().__init__(name="pipeline", daemon=True)
        self._pipeline = pipeline
        self.earlier_processes = set(_descendants(os.getpid()))
        self.result: PipelineResult | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        with _quiet():
            try:
                self.result = self._pipeline.run()
                state = self.result.wait_until_finish()
                if state != PipelineState.DONE:
                    raise RuntimeError(f"the pipeline ended as {state}")
            except BaseException as error:
                self.error = error


def execute(pipeline: beam.Pipeline, watch: Callable[[], None] = lambda: None) -> None:
    """Runs a pipeline to its end.

    Args:
        pipeline: to run.
        watch: called now and then meanwhile.

    Raises:
        Exception: as the runner does if the pipeline fails.
        KeyboardInterrupt: on Ctrl-C, once all is stopped, also writing in this process (see
            `staging.stop_writing`).
    """
    execution = _Execution(pipeline)
    execution.start()
    try:
        _await(execution, watch)
    except BaseException:
        _give_up(execution)
        raise
    if execution.error is not None:
        raise execution.error


def execute_staged(pipeline: beam.Pipeline, staging: Staging, watch: Callable[[], None]) -> None:
    """Runs a pipeline whose workers leave their errors in `staging`.

    Args:
        pipeline: to run.
        staging: see `Staging.write_error`.
        watch: called at once, and now and then meanwhile.

    Raises:
        InputError: of a worker.
        Exception: as `execute`.
    """
    watch()
    try:
        execute(pipeline, watch)
    except Exception:
        # What a worker could tell says more than what the runner makes of it.
        staging.raise_errors()
        raise
    staging.raise_errors()


def _await(execution: _Execution, watch: Callable[[], None]) -> None:
    reported = time.monotonic()
    while execution.is_alive():
        execution.join(_SECONDS_TO_NOTICE)
        if time.monotonic() > reported + _SECONDS_BETWEEN_REPORTS:
            # What cannot be seen now may be later; the work does not hang on it.
            with suppress(OSError):
                watch()
            reported = time.monotonic()


def _give_up(execution: _Execution) -> None:
    stop_writing()
    _end_descendants(execution.earlier_processes)
    if execution.result is not None:
        # Gone or not, the launcher ends.
        with suppress(Exception):
            execution.result.cancel()
    execution.join(_SECONDS_TO_STOP)


@contextmanager
def _quiet() -> Iterator[None]:
    """Beam logs a failure many times before it raises it, and its threads fail when all stops."""
    hook = threading.excepthook
    threading.excepthook = lambda failed: None if writing_stopped() else hook(failed)
    try:
        with silenced(logging.CRITICAL):
            yield
    finally:
        threading.excepthook = hook


def _end_descendants(spared: set[int]) -> None:
    """Ends worker processes of this machine: Beam might wait for them without end."""
    # All are found first: the children of one that has ended are nobody's.
    for process in set(_descendants(os.getpid())) - spared:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _descendants(process: int) -> Iterator[int]:
    for child in _children(process):
        yield child
        yield from _descendants(child)


def _children(process: int) -> list[int]:
    found: list[int] = []
    # Processes and their threads may end meanwhile.
    with suppress(OSError):
        for file in Path(f"/proc/{process}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, file.read_text().split())
    return found
