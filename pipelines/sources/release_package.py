"""What every published data package gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.id_codes import Integers
from pipelines.sources.release_searches import Sessions, search_chunks
from pipelines.sources.released_attributes import ReleasedAttributes
from pipelines.sources.released_events import EVENTS, ReleasedEvents
from sesrec_tf.data.log_chunk import PART_ROWS, ROW, LogChunk
from sesrec_tf.data.log_tables import ITEM_ID, USER_ID


class PackageFiles(NamedTuple):
    """Where the rows of each table come from.

    Attributes:
        users: histories, and attributes of users.
        items: attributes of items.
        instances: of train, valid and test.
        first_line: of an instance file, the number of its first row.
    """

    users: str
    items: str
    instances: Sequence[str]
    first_line: int


class ReleasePackage(ABC):
    """A package as log tables; each file is read when it is first needed, and kept.

    Args:
        directory: with the files.
    """

    files: ClassVar[PackageFiles]
    no_session: ClassVar[tuple[str, str]]
    """Reason and expectation where a history names a session that is not known."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @property
    @abstractmethod
    def events(self) -> ReleasedEvents:
        """Histories and instances."""

    @property
    @abstractmethod
    def session_ids(self) -> pa.Array:
        """Ids of sessions by code."""

    @abstractmethod
    def sessions(self, codes: Integers) -> Sessions:
        """Query, source and clicks of sessions."""

    @abstractmethod
    def unreadable(self, part: int) -> pa.Table:
        """Rows of an instance file (1 is train) that make no instance, as `REJECTED` says."""

    def left_out(self, part: int) -> Mapping[str, int]:
        """How many rows of an instance file are none of their own, see `LogChunk`."""
        return {}

    @property
    @abstractmethod
    def item_attributes(self) -> ReleasedAttributes:
        """Of all items."""

    @property
    @abstractmethod
    def user_attributes(self) -> ReleasedAttributes:
        """Of all users."""

    def parts(self, table: str) -> int:
        """See `LogReader`; the interactions, then the rejected rows of each instance file."""
        if table == "items":
            return int(bool(self.item_attributes))
        if table == "users":
            return int(bool(self.user_attributes))
        if table == "interactions":
            return 1 + len(self.files.instances)
        return int(table == "searches")

    def chunks(self, table: str, part: int) -> Iterator[LogChunk]:
        """See `LogReader`; rows are numbered by the order of the histories and vocabularies."""
        if table == "items":
            yield from self.item_attributes.chunks(ITEM_ID)
        elif table == "users":
            yield from self.user_attributes.chunks(USER_ID)
        elif table == "searches":
            yield from search_chunks(self.events, self.session_ids, self.sessions, self.no_session)
        else:
            yield from self._interactions(part)

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """See `LogReader`; of pickles, which have no lines, the number of the event or entry."""
        files = self.files
        names = [files.items] if table == "items" else [files.users, *files.instances]
        part, row = np.divmod(rows, PART_ROWS)
        first = np.where(part == EVENTS, 1, files.first_line)
        return [str(self.directory / names[each]) for each in part], row + first

    def _interactions(self, part: int) -> Iterator[LogChunk]:
        for chunk in self.events.interactions(part):
            if part != EVENTS:
                rejected = pa.concat_tables([chunk.rejected, self.unreadable(part)])
                left_out = {**chunk.left_out, **self.left_out(part)}
                chunk = LogChunk(chunk.rows, rejected.sort_by(ROW), left_out)
            yield chunk
