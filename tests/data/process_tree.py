"""Processes, as Linux lists them."""

from __future__ import annotations

import time
from pathlib import Path


def descendants(process: int) -> set[int]:
    """The processes that one has started, and those that they have."""
    found: set[int] = set()
    parents = {number: fields[1] for number, fields in _processes()}
    waiting = [process]
    while waiting:
        own = waiting.pop()
        children = {number for number, parent in parents.items() if int(parent) == own}
        found |= children
        waiting += children
    return found


def left_of(processes: set[int], seconds: float = 30.0) -> set[int]:
    """Which of them are still there after waiting for their end; the dead ones do not count."""
    deadline = time.monotonic() + seconds
    while True:
        alive = {number for number, fields in _processes() if fields[0] not in "ZX"}
        left = processes & alive
        if not left or time.monotonic() > deadline:
            return left
        time.sleep(0.05)


def _processes() -> list[tuple[int, list[str]]]:
    """Number, and state, parent and so on, of every process."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                text = (entry / "stat").read_text()
            except OSError:
                continue
            # The name before, in brackets, may hold anything.
            found.append((int(entry.name), text.rpartition(")")[2].split()))
    return found
