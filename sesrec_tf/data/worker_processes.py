"""Processes that share the work of one machine."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, CancelledError, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import connection
from typing import Any, TypeVar

from sesrec_tf.errors import InputError

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Told how many tasks are done, and how many rows `count_rows` was told of."""

_SECONDS_BETWEEN_REPORTS = 0.2
# Imported once, by the process that the others are forked from.
_PRELOADED = ["sesrec_tf.data.local_driver"]


class _Shared:
    """What a worker shares with the process that started it."""

    def __init__(self, context: Any) -> None:
        self.rows = context.Value("q", 0)
        self.stop = context.Event()
        self.notice: Callable[[], None] | None = None

    @property
    def rows_read(self) -> int:
        """Without the lock, which a killed worker may hold for ever."""
        return int(self.rows.get_obj().value)


_shared = _Shared(multiprocessing)


def count_rows(rows: int) -> None:
    """Called by tasks as they go on: counts rows, and ends the task if the work was given up.

    Raises:
        CancelledError: then.
    """
    if _shared.stop.is_set():
        raise CancelledError
    with _shared.rows.get_lock():
        _shared.rows.value += rows
    if _shared.notice is not None:
        _shared.notice()


class WorkerProcesses:
    """Runs tasks, in this process if one is enough.

    Workers end with the process that started them, however that ends.

    Args:
        processes: at least 1.
    """

    def __init__(self, processes: int) -> None:
        self.processes = processes
        self._executor: ProcessPoolExecutor | None = None
        self._shared = _shared

    @classmethod
    @contextmanager
    def started(cls, processes: int) -> Iterator[WorkerProcesses]:
        """Workers for the body."""
        workers = cls(processes)
        if processes > 1:
            context = multiprocessing.get_context("forkserver")
            context.set_forkserver_preload(_PRELOADED)
            workers._shared = _Shared(context)
            workers._executor = ProcessPoolExecutor(
                processes, context, _initialize, (workers._shared,)
            )
        workers._shared.rows.value = 0
        try:
            yield workers
        finally:
            if workers._executor is not None:
                workers._shared.stop.set()
                workers._executor.shutdown(cancel_futures=True)

    def run(
        self,
        function: Callable[..., Result],
        tasks: Iterable[Sequence[Any]],
        progress: Progress,
    ) -> list[Result]:
        """Calls a function with the arguments of every task.

        Args:
            function: of a module, so that it can be sent to another process.
            tasks: arguments of each call; they and the results are pickled.
            progress: told now and then.

        Returns:
            The results, in the order of the tasks.

        Raises:
            InputError: as the first failing task does, or if a process ends abruptly.
        """
        if self._executor is None:
            return self._run_here(function, tasks, progress)
        try:
            futures = [self._executor.submit(function, *arguments) for arguments in tasks]
            self._await(futures, progress)
            return [future.result() for future in futures]
        except BrokenProcessPool as error:
            raise InputError(
                "a worker process ended abruptly, as when memory runs out. Expected enough memory "
                f"for {self.processes} processes. Use a smaller `--memory` or fewer `--processes`."
            ) from error

    def _run_here(
        self,
        function: Callable[..., Result],
        tasks: Iterable[Sequence[Any]],
        progress: Progress,
    ) -> list[Result]:
        results: list[Result] = []
        self._shared.notice = lambda: progress(len(results), self._shared.rows_read)
        try:
            for arguments in tasks:
                self._shared.notice()
                results.append(function(*arguments))
        finally:
            self._shared.notice = None
        return results

    def _await(self, futures: list[Future[Result]], progress: Progress) -> None:
        pending = set(futures)
        while pending:
            done, pending = wait(pending, _SECONDS_BETWEEN_REPORTS, FIRST_EXCEPTION)
            for future in done:
                # The first failure of all, not of the first task.
                future.result()
            progress(len(futures) - len(pending), self._shared.rows_read)


def _initialize(shared: _Shared) -> None:
    global _shared
    _shared = shared
    # Ctrl-C reaches the whole group: the parent alone answers it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    assert parent is not None
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
