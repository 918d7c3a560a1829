"""What preparation reads: log tables in chunks, wherever they come from."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.log_chunk import LogChunk


class LogReader(ABC):
    """The log tables `interactions`, `searches`, `items` and `users`, read chunk by chunk.

    A table can be read more than once and gives the same chunks each time. Readers are pickled to
    reach other processes and machines: what they hold open or cache stays behind.
    """

    @abstractmethod
    def parts(self, table: str) -> int:
        """How many files, or other stretches, of a table can be read apart; 0 for no such table."""

    @abstractmethod
    def chunks(self, table: str, part: int = 0) -> Iterator[LogChunk]:
        """The chunks of one part, in the order of its rows.

        Raises:
            InputError: if the part is missing or unreadable, or lacks a column. A row that breaks
                its format raises nothing: it is among the `rejected` of its chunk.
        """

    @abstractmethod
    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Where some rows of a table stand.

        Args:
            table: its name.
            rows: `[N]` row numbers as in the chunks, ascending.

        Returns:
            `N` names of files, and `[N]` numbers of lines from 1 (of rows, from 1, where a file
            has no lines).
        """
