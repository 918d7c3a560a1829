"""Data sets of one run of the benchmarks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from benchmarks.speed.generated_logs import GeneratedLogs
from benchmarks.speed.log_profile import LogProfile
from benchmarks.speed.peer_files import write_peer_package
from benchmarks.speed.prepared_files import write_prepared


class GeneratedData:
    """Draws logs when they are first asked for, and keeps what is written of them.

    Args:
        directory: where to.
        report: told what is under way.
    """

    def __init__(self, directory: Path, report: Callable[[str], None]) -> None:
        self._directory = directory
        self._report = report
        self._latest: GeneratedLogs | None = None

    def prepared(self, profile: LogProfile) -> Path:
        """The prepared data set of a profile."""
        return self._written(profile, "prepared", write_prepared)

    def peer_package(self, profile: LogProfile) -> Path:
        """The same in the format of the official code."""
        return self._written(profile, "package", write_peer_package)

    def _written(
        self, profile: LogProfile, kind: str, write: Callable[[Path, GeneratedLogs], None]
    ) -> Path:
        sizes = (profile.sizes.items, profile.train, profile.config.history.rec_length)
        path = self._directory / "-".join([profile.name, *map(str, sizes), kind])
        if not path.exists():
            self._report(
                f"{profile.name}, {profile.sizes.items:,} items: writing the data ({kind})"
            )
            write(path, self._logs(profile))
        return path

    def _logs(self, profile: LogProfile) -> GeneratedLogs:
        # The latest alone: the two formats of one profile are asked for one after the other.
        if self._latest is None or self._latest.profile != profile:
            self._latest = GeneratedLogs.draw(profile)
        return self._latest
