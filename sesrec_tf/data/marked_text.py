"""Bytes that should be text in UTF-8, made so."""

from __future__ import annotations

import codecs
import io
from typing import IO

MARK = "\ufdd0"
"""Put before every byte that is no text (NUL, or no UTF-8), which then reads `\\xff`. Unicode
reserves this code point for a program's own use: text that is exchanged does not hold it."""

_LONGEST_CHARACTER = 4

# Arrow's CSV parser loses count of rows at a quoted one.
_NUL = b"\0"


class MarkedText(io.RawIOBase):
    """A binary stream whose bytes that are no text are marked, and a tail after its end.

    Args:
        file: the stream.
        tail: bytes to follow it.

    Attributes:
        damaged: whether anything read so far holds a mark.
    """

    def __init__(self, file: IO[bytes], tail: bytes = b"") -> None:
        self.damaged = False
        self._file = file
        self._tail = tail
        self._ended = False
        self._cut = b""
        self._ready = b""

    def readable(self) -> bool:
        """See `io.IOBase`."""
        return True

    def read(self, size: int = -1) -> bytes:
        """See `io.RawIOBase`; no more than a run of "\\r" short of `size` bytes, but at the end."""
        # The last character may be cut off: a little more than is asked for.
        while not self._ended and (size < 0 or len(self._ready) < size):
            self._ready += self._marked(self._whole_characters(max(size, 0) + _LONGEST_CHARACTER))
        data = self._ready if size < 0 else self._ready[:size]
        if len(data) < len(self._ready):
            # Arrow drops a "\n" between blocks after a "\r", even within quotes.
            data = data.rstrip(b"\r") or data
        self._ready = self._ready[len(data) :]
        return data

    def _whole_characters(self, size: int) -> bytes:
        read = self._file.read(size)
        if not read:
            self._ended = True
            return self._cut + self._tail
        data = self._cut + read
        start = max(len(data) - _LONGEST_CHARACTER + 1, 0)
        end = start + codecs.utf_8_decode(data[start:], "replace", False)[1]
        self._cut = data[end:]
        return data[:end]

    def _marked(self, data: bytes) -> bytes:
        if _NUL not in data:
            try:
                data.decode()
                return data
            except UnicodeDecodeError:
                pass
        self.damaged = True
        text = data.decode("utf-8", _HANDLER)
        return text.replace(_NUL.decode(), f"{MARK}\\x00").encode()


def _mark(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    wrong = error.object[error.start : error.end]
    return "".join(f"{MARK}\\x{byte:02x}" for byte in wrong), error.end


_HANDLER = "sesrec_tf.mark"
codecs.register_error(_HANDLER, _mark)
