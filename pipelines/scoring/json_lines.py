"""Requests as lines of JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_format import MOST_BYTES, RequestFormat
from pipelines.scoring.scoring_request import REQUEST_ID, ScoringRequest, refusals
from sesrec_tf.requests.ranking_request import RankingRequest

_BLOCK_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class JsonLines(RequestFormat):
    """One request a line, in the form of the client, with or without a `request_id`.

    A blank line is a line, but no record.
    """

    suffixes = (".jsonl", ".ndjson")

    def blocks(self, content: IO[bytes], size: int) -> list[tuple[int, int]]:
        """See `RequestFormat`."""
        starts, offset, breaks, last = [0], 0, 0, b"\n"
        while data := content.read(_BLOCK_BYTES):
            ends = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\n"))
            starts += (offset + 1 + ends[size - 1 - breaks % size :: size]).tolist()
            offset, breaks, last = offset + len(data), breaks + len(ends), data[-1:]
        lines = breaks + (last != b"\n")
        counts = (min(size, lines - size * number) for number in range(len(starts)))
        return [pair for pair in zip(starts, counts, strict=True) if pair[1] > 0]

    def records(self, content: IO[bytes], count: int) -> Iterator[tuple[int, bytes | RecordError]]:
        """See `RequestFormat`."""
        for number in range(count):
            line = content.readline(MOST_BYTES + 1)
            if len(line) > MOST_BYTES and not line.endswith(b"\n"):
                _skip_line(content)
                yield number, self.too_large()
            elif line.strip():
                yield number, line

    def request(self, record: bytes) -> ScoringRequest:
        """See `RequestFormat`."""
        try:
            values = json.loads(record.removeprefix(_BYTE_ORDER_MARK).decode("utf-8"))
        except (ValueError, RecursionError):
            raise RecordError("the line is no JSON", "an object on one line, in UTF-8") from None
        if not isinstance(values, dict):
            raise RecordError("the line is no JSON object", "a request of the client's form")
        request_id = _request_id(values.pop(REQUEST_ID, None))
        with refusals():
            return ScoringRequest.of(RankingRequest.from_dict(values), request_id)

    def shown(self, record: bytes) -> str:
        """See `RequestFormat`."""
        return self.beginning(record).decode("utf-8", "backslashreplace").rstrip("\r\n")


def _skip_line(content: IO[bytes]) -> None:
    while (rest := content.readline(_BLOCK_BYTES)) and not rest.endswith(b"\n"):
        pass


def _request_id(value: Any) -> str | None:
    if value is not None and (not isinstance(value, str) or _is_cut(value)):
        raise RecordError(f"`{REQUEST_ID}` is no text", "a string, or nothing")
    return value


def _is_cut(text: str) -> bool:
    """Whether a text holds half a character, which JSON can spell."""
    return any("\ud800" <= each <= "\udfff" for each in text)
