"""Text files, plain or gzipped, in blocks of whole lines."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from sesrec_tf.errors import InputError

BLOCK_BYTES = 1 << 23


@dataclass(frozen=True)
class LineBlock:
    """Consecutive whole lines of a file.

    Attributes:
        path: of the file.
        first_line: number of the first line, from 1.
        data: the lines, each with its "\\n"; the last line of a file may lack it.
    """

    path: Path
    first_line: int
    data: bytes

    @cached_property
    def line_count(self) -> int:
        """Lines in the block, empty ones too."""
        return self.data.count(b"\n") + bool(self.data and not self.data.endswith(b"\n"))

    @cached_property
    def raw_lines(self) -> list[bytes]:
        """The lines without their line breaks."""
        # Not `splitlines`: it also ends a line at characters that JSON allows in a string.
        lines = self.data.split(b"\n")
        return lines if lines[-1] else lines[:-1]

    def lines(self) -> Iterator[tuple[int, str]]:
        """Number and text of every line that is not blank.

        Raises:
            InputError: naming the first line that is not UTF-8.
        """
        for number, line in enumerate(self.raw_lines, self.first_line):
            try:
                text = line.decode().strip()
            except UnicodeDecodeError as error:
                raise line_error(
                    self.path, number, f"is not UTF-8 text ({error.reason})", "UTF-8", line
                ) from error
            if text:
                yield number, text


def line_blocks(path: Path, block_bytes: int = BLOCK_BYTES) -> Iterator[LineBlock]:
    """Reads a file, gunzipped if its name ends in `.gz`; an empty one is one empty block.

    Args:
        path: of the file.
        block_bytes: bytes read at a time; a block has at most that and the start of its first
            line.

    Raises:
        InputError: if the file is missing, unreadable or cut short.
    """
    first_line, rest = 1, bytearray()
    try:
        with _open(path) as file:
            while read := file.read(block_bytes):
                end = read.rfind(b"\n") + 1
                if end:
                    block = LineBlock(path, first_line, b"".join([rest, memoryview(read)[:end]]))
                    yield block
                    first_line += block.line_count
                    rest.clear()
                rest += read[end:]
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"cannot read {path} ({error}). Expected a complete file"
            f"{' in the gzip format' if path.suffix == '.gz' else ''}. Download it again."
        ) from error
    if rest or first_line == 1:
        yield LineBlock(path, first_line, bytes(rest))


def line_error(
    path: Path, number: int, problem: str, expected: str, received: object
) -> InputError:
    """What to raise for one line of a file: its name and number, and how to go on."""
    shown = repr(received)
    if len(shown) > 120:
        shown = shown[:120] + " …"
    return InputError(
        f"{path}, line {number}: {problem}. Expected {expected}. Received: {shown}. Download the "
        "file again, or mend or remove the line."
    )


def _open(path: Path) -> IO[bytes]:
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path, "rb"))
    return path.open("rb")
