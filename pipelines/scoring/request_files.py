"""The files of a bulk scoring."""

from __future__ import annotations

import gzip
import io
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.scoring.json_lines import JsonLines
from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_format import RequestFormat
from pipelines.scoring.tf_records import TfRecords
from sesrec_tf.data.log_chunk import PART_ROWS
from sesrec_tf.data.stored_file import StoredFile, find_files
from sesrec_tf.errors import InputError

FORMATS: tuple[RequestFormat, ...] = (JsonLines(), TfRecords())
TABLE = "requests"
"""What the files are called in messages."""

_SHARD = re.compile(r"-\d+-of-\d+$")
_BUFFER_BYTES = 1 << 20


class Block(NamedTuple):
    """Consecutive records of a file.

    Attributes:
        file: its number.
        first: number of the first record in its file, from 0.
        records: how many there are.
        offset: where the first one begins in an unpacked file; a packed one is read from its start.
    """

    file: int
    first: int
    records: int
    offset: int


@dataclass(frozen=True)
class RequestFiles:
    """Files of requests, in the order in which they were named.

    Attributes:
        files: at least one.

    Raises:
        InputError: if the name of a file does not say of what kind it is.
    """

    files: tuple[StoredFile, ...]

    def __post_init__(self) -> None:
        for file in self.files:
            _format(file)

    @classmethod
    def find(cls, places: Sequence[str]) -> RequestFiles:
        """The files at some places: files, directories or patterns, see `find_files`.

        Raises:
            InputError: if there is no such file, or one is named twice.
        """
        files = [file for place in places for file in find_files(place, TABLE)]
        counts = Counter(map(_place, files))
        again = [file.name for file in files if counts[_place(file)] > 1]
        if again:
            raise InputError(
                f"{TABLE}: {again[0]} is named more than once. Expected every file once. Drop "
                "one of its names."
            )
        return cls(tuple(files))

    def blocks(self, file: int, size: int) -> list[Block]:
        """A file in blocks of `size` records, the last one smaller; a packed one as one block.

        Raises:
            InputError: if it cannot be read.
        """
        stored = self.files[file]
        with _readable(stored), stored.stream() as content:
            found = _format(stored).blocks(content, size)
            # An upload that failed leaves such files; an empty one, packed, has a header.
            if stored.packed and cast(gzip.GzipFile, content).mtime is None:
                raise EOFError("0 bytes, not even the header of gzip")
        if stored.packed:
            count = sum(each for _, each in found)
            return [Block(file, 0, count, 0)] if count else []
        return [Block(file, size * n, *reversed(pair)) for n, pair in enumerate(found)]

    def records(self, block: Block) -> Iterator[tuple[int, bytes | RecordError]]:
        """Number of each record, see `lines`, and its content.

        Raises:
            InputError: if the file cannot be read.
        """
        stored = self.files[block.file]
        with _readable(stored), _opened(stored, block.offset) as content:
            for number, record in _format(stored).records(content, block.records):
                yield PART_ROWS * block.file + block.first + number, record

    def format(self, block: Block) -> RequestFormat:
        """How the requests of a block are written."""
        return _format(self.files[block.file])

    def lines(
        self, table: str, rows: npt.NDArray[np.int64]
    ) -> tuple[list[str], npt.NDArray[np.int64]]:
        """Names of files, and numbers of lines (of records, from 1) for `[N]` record numbers."""
        del table  # There is one.
        files, numbers = np.divmod(rows, PART_ROWS)
        return [self.files[file].name for file in files.tolist()], numbers + 1


def _place(file: StoredFile) -> str:
    """The same for all spellings of a path of this machine."""
    return file.path if file.url else os.path.realpath(file.path)


def _format(file: StoredFile) -> RequestFormat:
    name = _SHARD.sub("", file.path.removesuffix(".gz"))
    for each in FORMATS:
        if name.endswith(each.suffixes):
            return each
    kinds = [suffix for each in FORMATS for suffix in each.suffixes]
    raise InputError(
        f"{TABLE}: unknown kind of file {file.name}. Expected a name that ends in "
        f"{', '.join(kinds)}, or one of these and .gz. Convert or rename it."
    )


@contextmanager
def _opened(file: StoredFile, offset: int) -> Iterator[IO[bytes]]:
    if file.packed:
        with file.stream() as content:
            yield content
        return
    with file.random_access() as content:
        content.seek(offset)
        yield cast(IO[bytes], io.BufferedReader(content, _BUFFER_BYTES))


@contextmanager
def _readable(file: StoredFile) -> Iterator[None]:
    try:
        yield
    except (OSError, EOFError, zlib.error, pa.ArrowException) as error:
        raise InputError(
            f"{TABLE}: cannot read {file.name} ({error}). Expected a whole file of the kind that "
            "its name says. Write it again."
        ) from error
