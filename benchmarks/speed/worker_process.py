"""A worker process, seen from the benchmark."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmarks.speed.foreign_load import ForeignLoad
from sesrec_tf.errors import InputError

ROOT = Path(__file__).parents[2]

_LOG_LINES = 15
_POLL_SECONDS = 0.5
_CHUNK = 1 << 16


class WorkerProcess:
    """Runs a workload when asked, and is stopped by a signal between rounds.

    So nothing that it does ahead, such as loading batches, disturbs the rounds of others or is
    missing from its own: its rounds are stretches of one undisturbed run.

    Args:
        name: in error messages.
        command: of the process, whose `main` calls `protocol.serve`.
        job: what it is to set up; `started` is added, the monotonic time in seconds.
        log: a file for what it prints.
        environment: variables added to this process's.

    Attributes:
        facts: of the workload.

    Raises:
        InputError: if it dies or refuses.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        job: dict[str, Any],
        log: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._name = name
        self._log = log
        self._unread = b""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        with log.open("wb") as file:
            started = time.monotonic()
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                env={**os.environ, "PYTHONPATH": path, **(environment or {})},
            )
        try:
            self.facts: dict[str, Any] = self._ask({**job, "started": started})["facts"]
            self._signal(signal.SIGSTOP)
        except BaseException:
            self.stop()
            raise

    def round(self, seconds: float) -> dict[str, Any]:
        """One round of about that long, see `protocol.serve`.

        Returns:
            The answer, and `foreign_cores`, those that other processes kept busy meanwhile.

        Raises:
            InputError: if the process dies.
        """
        foreign = ForeignLoad(self._process.pid)
        self._signal(signal.SIGCONT)
        answer = self._ask({"seconds": seconds})
        self._signal(signal.SIGSTOP)
        return {**answer, "foreign_cores": foreign.cores()}

    def stop(self) -> None:
        """Kills the process and its own ones."""
        self._signal(signal.SIGKILL)
        self._process.kill()
        self._process.communicate()

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._death() from None
        answer: dict[str, Any] = json.loads(self._line())
        if "error" in answer:
            raise InputError(f"{self._name}: {answer['error']}")
        return answer

    def _line(self) -> bytes:
        """The next line, also where a child of a dead worker keeps the pipe open."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            dead = self._process.poll() is not None
            if select.select([pipe], [], [], 0 if dead else _POLL_SECONDS)[0]:
                chunk = os.read(pipe, _CHUNK)
                self._unread += chunk
                if chunk:
                    continue
                self._process.wait()
                raise self._death()
            if dead:
                raise self._death()
        line, _, self._unread = self._unread.partition(b"\n")
        return line

    def _death(self) -> InputError:
        status = self._process.wait()
        reason = signal.Signals(-status).name if status < 0 else f"status {status}"
        tail = self._log.read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
        return InputError(
            f"the worker of {self._name} ended with {reason} before it had answered. Expected it "
            "to live as long as the benchmark. The last lines that it printed:",
            tail or ["(nothing)"],
        )

    def _signal(self, number: int) -> None:
        """To its process group, which is there once it has answered."""
        try:
            os.killpg(self._process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def __enter__(self) -> WorkerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
