"""A source that is a published data package."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.sources.release_package import ReleasePackage
from pipelines.sources.source import Source
from sesrec_tf.data.log_chunk import LogChunk


@dataclass(frozen=True)
class ReleaseSource(Source):
    """Log tables of a package whose instances, splits and candidates are frozen.

    A package has prefix lengths, and times at most beside them: timestamps are positions (see
    `pipelines.sources.prefix_order`). What was read is kept: a few times the size of the files
    in memory, in every process.
    """

    time_unit = "order"
    split = "given"
    negatives = "given"
    tables = ("interactions", "searches", "items", "users")

    @abstractmethod
    def package(self) -> ReleasePackage:
        """The package, nothing of it read yet."""

    def parts(self, table: str) -> int:
        """See `LogReader`."""
        return self._package.parts(table)

    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """See `LogReader`."""
        return self._package.chunks(table, part)

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`."""
        return self._package.lines(table, rows)

    def __getstate__(self) -> dict[str, object]:
        """What was given, without what was read since."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @cached_property
    def _package(self) -> ReleasePackage:
        return self.package()
