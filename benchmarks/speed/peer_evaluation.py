"""The official code's evaluation as a workload."""

from __future__ import annotations

from typing import Any

from benchmarks.speed.official_code import OfficialCode
from benchmarks.speed.workload import repeated


class PeerEvaluation:
    """Its tester's `test`, metrics included, over and over.

    Args:
        job: as for `OfficialCode`, with `users`, the number in valid.
    """

    def __init__(self, job: dict[str, Any]) -> None:
        code = OfficialCode(job)
        self._users: int = job["users"]
        self._tester = code.tester(self._users)
        self.facts = code.facts()
        self._one()

    def round(self, seconds: float) -> tuple[int, int]:
        """See `Workload`; examples are users."""
        return repeated(self._one, seconds)

    def _one(self) -> int:
        self._tester.test()
        return self._users
