"""The development server in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from sesrec_tf.errors import InputError

_STOP_SECONDS = 15


class ServerProcess:
    """`python -m serving.server` on a free port of the loopback, stopped at the end.

    Args:
        base: directory of the versions.
        flags: further flags.

    Attributes:
        target: `host:port`.

    Raises:
        InputError: if the server ends before it is ready.
    """

    def __init__(self, base: Path, flags: Sequence[str] = ()) -> None:
        command = [sys.executable, "-m", "serving.server", "--model-base-path", str(base)]
        self._process = subprocess.Popen(
            [*command, "--port", "0", *flags], stdout=subprocess.PIPE, text=True
        )
        try:
            self.target = self._ready()
        except BaseException:
            self.stop()
            raise

    def _ready(self) -> str:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            found = re.search(r"grpc://(\S+)", line)
            if found:
                return found.group(1)
        raise InputError(
            f"the server ended with status {self._process.wait()} before it was ready. Its own "
            "message stands above."
        )

    def stop(self) -> None:
        """Ends the server as Ctrl-C would, and kills it if it does not."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def __enter__(self) -> ServerProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
