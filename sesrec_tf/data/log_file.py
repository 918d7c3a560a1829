"""One file of a log table."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.log_chunk import LogChunk
from sesrec_tf.data.log_tables import OPTIONAL_COLUMNS, REQUIRED_COLUMNS, require_columns
from sesrec_tf.data.stored_file import StoredFile
from sesrec_tf.errors import InputError


class LogFile(ABC):
    """One file of a log table, read chunk by chunk.

    Args:
        file: where it is.
        table: key of `REQUIRED_COLUMNS`.
    """

    def __init__(self, file: StoredFile, table: str) -> None:
        self.file = file
        self.table = table

    @abstractmethod
    def columns(self) -> list[str]:
        """Names of the columns that are read.

        Raises:
            As `chunks`.
        """

    @abstractmethod
    def chunks(self, first_row: int) -> Iterator[LogChunk]:
        """Its rows in order, numbered from `first_row`; of a file without rows, one empty chunk.

        Raises:
            InputError: if a column is missing or a quoted value does not end.
            OSError, EOFError, UnicodeError, csv.Error, zlib.error, pa.ArrowException: if the file
                cannot be read.
        """

    @abstractmethod
    def lines(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """`[N]` numbers of lines (of rows, where a file has no lines), from 1.

        Args:
            rows: `[N]` numbers of rows in the file from 0, ascending.

        Raises:
            As `chunks`.
        """

    def _wanted(self, header: Sequence[str]) -> list[str]:
        """What is read of a file: of the event tables no more than preparation can use.

        Raises:
            InputError: if a required column is absent, or a name stands twice or is taken.
        """
        try:
            require_columns(self.table, list(header))
        except InputError as error:
            raise InputError(f"{error} The file is {self.file.name}.") from None
        if self.table not in ("items", "users"):
            optional = OPTIONAL_COLUMNS.get(self.table, ())
            return [*REQUIRED_COLUMNS[self.table], *(each for each in optional if each in header)]
        return list(header)
