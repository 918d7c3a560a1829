"""Requests as records of a TFRecord file."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from typing import IO

import google_crc32c
import tensorflow as tf
from google.protobuf.message import DecodeError

from pipelines.scoring.record_error import RecordError
from pipelines.scoring.request_format import MOST_BYTES, RequestFormat
from pipelines.scoring.scoring_request import REQUEST_ID, ScoringRequest, refusals
from sesrec_tf.data.query_words import SEPARATOR
from sesrec_tf.requests.ranking_request import RankingRequest
from sesrec_tf.requests.request_error import RequestError
from sesrec_tf.requests.search import Search
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    QUERIES,
    QUERY_SOURCES,
    REC_ITEMS,
    USER,
    HistoryShape,
    request_shapes,
)

_HEAD = struct.Struct("<QI")
_CHECKSUM = struct.Struct("<I")
_BLOCK_BYTES = 1 << 20
_EXPECTED = "a serialized tf.Example of the signature `examples`"
_SESSION_LISTS = (QUERY_SOURCES, CLICKED_ITEMS)

Lists = Mapping[str, Sequence[str]]


class TfRecords(RequestFormat):
    """Each record a serialized `tf.Example` as the signature `examples` takes it.

    A feature `request_id` is kept; the model does not see it.
    """

    suffixes = (".tfrecord", ".tfrecords")

    def blocks(self, content: IO[bytes], size: int) -> list[tuple[int, int]]:
        """See `RequestFormat`."""
        starts, records, offset = [], 0, 0
        while (length := _next_length(content)) is not None:
            if records % size == 0:
                starts.append(offset)
            _skip(content, length + _CHECKSUM.size)
            records, offset = records + 1, offset + _HEAD.size + length + _CHECKSUM.size
        return [(start, min(size, records - size * n)) for n, start in enumerate(starts)]

    def records(self, content: IO[bytes], count: int) -> Iterator[tuple[int, bytes | RecordError]]:
        """See `RequestFormat`."""
        for number in range(count):
            length = _next_length(content)
            if length is None:
                raise EOFError("the file is shorter than it was")
            if length > MOST_BYTES:
                _skip(content, length + _CHECKSUM.size)
                yield number, self.too_large()
                continue
            record = _exactly(content, length)
            (stored,) = _CHECKSUM.unpack(_exactly(content, _CHECKSUM.size))
            right = stored == _checksum(record)
            yield (
                number,
                record if right else RecordError("the record's checksum is wrong", _EXPECTED),
            )

    def request(self, record: bytes) -> ScoringRequest:
        """See `RequestFormat`."""
        try:
            features = tf.train.Example.FromString(record).features.feature
        except DecodeError:
            raise RecordError("the record is no tf.Example", _EXPECTED) from None
        names = request_shapes(HistoryShape())
        ids = _texts(features, REQUEST_ID)
        if len(ids) > 1:
            raise RecordError(f"`{REQUEST_ID}` is more than one value", "one, or none")
        lists = {name: _texts(features, name) for name in names}
        with refusals():
            return ScoringRequest.of(_ranking_request(lists), ids[0] if ids else None)

    def shown(self, record: bytes) -> str:
        """See `RequestFormat`."""
        return repr(self.beginning(record))[2:-1]


def _ranking_request(lists: Lists) -> RankingRequest:
    users, sessions = lists[USER], len(lists[QUERIES])
    if len(users) != 1:
        wrong = "more than one value" if users else "missing"
        raise RecordError(f"`{USER}` is {wrong}", "one id")
    for name in _SESSION_LISTS:
        if len(lists[name]) not in (0, sessions):
            raise RecordError(
                f"`{name}` is not as long as `{QUERIES}`",
                "a value for each query, empty where there is none, or no list",
            )
    return RankingRequest(
        user=users[0],
        candidates=tuple(lists[CANDIDATES]),
        rec_items=tuple(lists[REC_ITEMS]),
        searches=tuple(_searches(lists)),
    )


def _searches(lists: Lists) -> Iterator[Search]:
    queries = lists[QUERIES]
    none = [""] * len(queries)
    columns = (lists[QUERY_SOURCES] or none, lists[CLICKED_ITEMS] or none)
    for position, (query, source, clicks) in enumerate(zip(queries, *columns, strict=True)):
        try:
            yield Search(query, source, tuple(filter(None, clicks.split(SEPARATOR))))
        except RequestError as error:
            raise error.within(f"searches[{position}]") from error


def _texts(features: tf.train.Features, name: str) -> list[str]:
    feature = features[name] if name in features else tf.train.Feature()
    if feature.WhichOneof("kind") not in (None, "bytes_list"):
        raise RecordError(f"`{name}` is no list of bytes", _EXPECTED)
    try:
        return [value.decode("utf-8") for value in feature.bytes_list.value]
    except UnicodeDecodeError:
        raise RecordError(f"`{name}` is no UTF-8", _EXPECTED) from None


def _next_length(content: IO[bytes]) -> int | None:
    """Bytes of the next record; nothing at the end of the file."""
    head = content.read(_HEAD.size)
    if not head:
        return None
    length, stored = _HEAD.unpack(head + _exactly(content, _HEAD.size - len(head)))
    if stored != _checksum(head[:8]):
        raise OSError("a length with a wrong checksum")
    return int(length)


def _exactly(content: IO[bytes], size: int) -> bytes:
    data = content.read(size)
    if len(data) < size:
        raise EOFError("it ends within a record")
    return data


def _skip(content: IO[bytes], size: int) -> None:
    while size:
        size -= len(_exactly(content, min(size, _BLOCK_BYTES)))


def _checksum(data: bytes) -> int:
    """CRC-32C, rotated and shifted as `record_writer` does."""
    crc = google_crc32c.value(data)
    return ((crc >> 15 | crc << 17) + 0xA282EAD8) & 0xFFFFFFFF
