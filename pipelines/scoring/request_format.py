"""How requests stand in a file."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import IO

from pipelines.scoring.record_error import RecordError
from pipelines.scoring.scoring_request import ScoringRequest

MOST_BYTES = 16 << 20
"""Of one record; larger ones are not taken into memory."""

_SHOWN_BYTES = 4_000


class RequestFormat(ABC):
    """Finds records in a file and reads requests from them."""

    suffixes: tuple[str, ...]
    """Ends of the names of such files, before `.gz`."""

    @abstractmethod
    def blocks(self, content: IO[bytes], size: int) -> list[tuple[int, int]]:
        """Where reading may start: the offset of every `size`-th record, and how many follow.

        Raises:
            OSError, EOFError: if the file is damaged or truncated.
        """

    @abstractmethod
    def records(self, content: IO[bytes], count: int) -> Iterator[tuple[int, bytes | RecordError]]:
        """The next `count` records: the place of each among them, and its content.

        Raises:
            OSError, EOFError: if the file is damaged or truncated.
        """

    @abstractmethod
    def request(self, record: bytes) -> ScoringRequest:
        """The request of a record.

        Raises:
            RecordError: if it holds none.
        """

    @abstractmethod
    def shown(self, record: bytes) -> str:
        """The start of a record, for people."""

    @staticmethod
    def beginning(record: bytes) -> bytes:
        """As much of a record as is shown."""
        return record[:_SHOWN_BYTES]

    @staticmethod
    def too_large() -> RecordError:
        """What stands for a record that is not taken into memory."""
        return RecordError("the record is too large", f"at most {MOST_BYTES >> 20} MiB")
