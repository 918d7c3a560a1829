"""Something done again and again beside the requests."""

from __future__ import annotations

import threading
from collections.abc import Callable


class RepeatedCall:
    """A thread that makes a call every so many seconds.

    Args:
        call: what to do; what it raises ends the thread.
        name: of the thread.
    """

    def __init__(self, call: Callable[[], None], name: str) -> None:
        self._call = call
        self._name = name
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self, seconds: float) -> None:
        """Begins; the first call is due after so many seconds."""
        self._thread = threading.Thread(
            target=self._repeat, args=(seconds,), name=self._name, daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Ends it, after the call that may be under way."""
        self._stopped.set()
        if self._thread is not None:
            self._thread.join()

    def _repeat(self, seconds: float) -> None:
        while not self._stopped.wait(seconds):
            self._call()
