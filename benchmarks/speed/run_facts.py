"""What a reader of the results must know about a run."""

from __future__ import annotations

import datetime
import platform
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.speed.speed_options import SpeedOptions
from sesrec_tf.usable_cores import usable_cores


def run_facts(arguments: Sequence[str], options: SpeedOptions) -> dict[str, Any]:
    """Machine, date, command line and options, as plain JSON values.

    Args:
        arguments: of the command.
        options: made of them.
    """
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "command": shlex.join(["python", "-m", "benchmarks.run", *arguments]),
        "machine": {
            "cpu": _cpu(),
            "cores": usable_cores(),
            "system": platform.system(),
            "python": platform.python_version(),
        },
        "repeats": options.repeats,
        "seconds": options.seconds,
        "scale": options.scale,
        "devices": options.devices.names,
        "peer": options.peer is not None,
        "peer_workers": options.peer_workers,
    }


def _cpu() -> str:
    file = Path("/proc/cpuinfo")
    if file.exists():
        for line in file.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
