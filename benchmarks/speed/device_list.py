"""The devices of a worker, by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sesrec_tf.errors import InputError


@dataclass(frozen=True)
class DeviceList:
    """Devices to mirror over.

    Attributes:
        kind: `CPU` or `GPU`; `None` for all visible GPUs, or else the CPU.
        numbers: of the devices.
    """

    kind: str | None = None
    numbers: tuple[int, ...] = ()

    @classmethod
    def parse(cls, names: Sequence[str]) -> DeviceList:
        """From names such as `GPU:0`.

        Raises:
            InputError: for other names, two kinds, a device twice, or CPUs with gaps.
        """
        found = [re.fullmatch(r"(CPU|GPU):(\d+)", name) for name in names]
        pairs = [(match[1], int(match[2])) for match in found if match is not None]
        kinds, numbers = {kind for kind, _ in pairs}, tuple(number for _, number in pairs)
        usable = len(pairs) == len(names) and len(set(pairs)) == len(pairs) and len(kinds) < 2
        # Logical CPUs are made, not chosen.
        gaps = kinds == {"CPU"} and sorted(numbers) != list(range(len(numbers)))
        if not usable or gaps:
            raise InputError(
                "`--devices` should be different devices of one kind, such as GPU:0 GPU:1, or "
                f"CPU:0, CPU:1, … without gaps. Received: {' '.join(names)}."
            )
        return cls(next(iter(kinds), None), numbers)

    @property
    def names(self) -> list[str]:
        """As parsed."""
        return [f"{self.kind}:{number}" for number in self.numbers]
