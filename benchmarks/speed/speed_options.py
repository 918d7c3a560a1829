"""How the benchmarks run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.speed.device_list import DeviceList
from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class SpeedOptions:
    """How to run.

    Attributes:
        repeats: rounds of every subject.
        seconds: of a round, at least one step or pass.
        scale: divisor of all sizes.
        devices: of this project's subjects.
        peer: checkout of the official code, if it takes part.
        peer_python: its Python.
        peer_workers: loader processes of its training and evaluation.

    Raises:
        InputError: for a number that is not positive.
    """

    repeats: int = 5
    seconds: float = 2.5
    scale: int = 1
    devices: DeviceList = field(default_factory=DeviceList)
    peer: Path | None = None
    peer_python: str = ""
    peer_workers: int = 2

    def __post_init__(self) -> None:
        for name in ("repeats", "seconds", "scale", "peer_workers"):
            value = getattr(self, name)
            if not value > 0:
                flag = name.replace("_", "-")
                raise InputError(f"`--{flag}` should be positive. Received: {value}.")
