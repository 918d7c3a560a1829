"""Running a pipeline so that Ctrl-C ends it, and all its processes, at once."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import apache_beam as beam
from apache_beam.runners.runner import PipelineResult, PipelineState

_SECONDS_TO_NOTICE = 0.1


class _Execution(threading.Thread):
    """Beside the main thread, where Beam would take Ctrl-C for an error of a step."""

    def __init__(self, pipeline: beam.Pipeline) -> None:
        super().__init__(name="pipeline", daemon=True)
        self._pipeline = pipeline
        self.result: PipelineResult | None = None
        self.error: BaseException | None = None

    def run(self) -> None:
        try:
            self.result = self._pipeline.run()
            state = self.result.wait_until_finish()
            if state != PipelineState.DONE:
                raise RuntimeError(f"the pipeline ended as {state}")
        except BaseException as error:
            self.error = error


def execute(pipeline: beam.Pipeline) -> None:
    """Runs a pipeline to its end.

    Raises:
        Exception: as the runner does if the pipeline fails.
        KeyboardInterrupt: on Ctrl-C, once all is stopped.
    """
    execution = _Execution(pipeline)
    with _quiet():
        execution.start()
        try:
            while execution.is_alive():
                execution.join(_SECONDS_TO_NOTICE)
        except KeyboardInterrupt:
            _end_descendants()
            if execution.result is not None:
                execution.result.cancel()
            raise
    if execution.error is not None:
        raise execution.error


@contextmanager
def _quiet() -> Iterator[None]:
    """Beam logs a failure many times before it raises it."""
    before = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(before)


def _end_descendants() -> None:
    """Ends worker processes of this machine: Beam might wait for them without end."""
    for process in _descendants(os.getpid()):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _descendants(process: int) -> Iterator[int]:
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, file.read_text().split()):
                yield child
                yield from _descendants(child)
