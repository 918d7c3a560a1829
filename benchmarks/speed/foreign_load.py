"""How busy other processes keep the machine meanwhile."""

from __future__ import annotations

import os
import time
from pathlib import Path

_PROC = Path("/proc")
# Of the line `cpu` of /proc/stat: user, nice, system, irq, softirq.
_BUSY = (0, 1, 2, 5, 6)
# Of /proc/PID/stat behind the name: the group, then user and system time, the second pair of
# children that have ended.
_GROUP, _TIMES = 2, slice(11, 15)


class ForeignLoad:
    """Processor time that a process group did not use itself, from now on.

    A busy neighbour does not only take its share: threads that wait for each other at a barrier,
    as OpenMP's do, lose a time slice of the scheduler at every one.

    Args:
        group: number of the process group.
    """

    def __init__(self, group: int) -> None:
        self._group = group
        self._start, self._busy, self._own = time.monotonic(), _busy_ticks(), _group_ticks(group)

    def cores(self) -> float | None:
        """Average number of cores used by others; `None` where Linux' /proc is missing."""
        if not (_PROC / "stat").exists():
            return None
        seconds = max(time.monotonic() - self._start, 1e-9)
        foreign = _busy_ticks() - self._busy - (_group_ticks(self._group) - self._own)
        return max(foreign / os.sysconf("SC_CLK_TCK") / seconds, 0.0)


def _busy_ticks() -> int:
    try:
        values = (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return 0
    return sum(int(values[place]) for place in _BUSY)


def _group_ticks(group: int) -> int:
    ticks = 0
    for file in _PROC.glob("[0-9]*/stat"):
        try:
            values = file.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(values[_GROUP]) == group:
            ticks += sum(map(int, values[_TIMES]))
    return ticks
