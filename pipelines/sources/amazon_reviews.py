"""The reviews: strict JSON, one object a line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.json

from pipelines.sources.line_blocks import LineBlock, line_blocks
from pipelines.sources.rejected_lines import RejectedLines, UnusableLineError, utf8_text

USER = "reviewerID"
ITEM = "asin"
TIME = "unixReviewTime"
_EVENT_FIELDS = pa.schema([(USER, pa.string()), (ITEM, pa.string()), (TIME, pa.int64())])
_TEXT_FIELDS = pa.schema([("reviewText", pa.string()), ("summary", pa.string())])
_REQUIRED = frozenset(_EVENT_FIELDS.names)
_KINDS = {pa.string(): ("text", "text"), pa.int64(): ("an integer", "seconds, as 64 bits")}


@dataclass(frozen=True)
class ReviewEvents:
    """Some consecutive reviews, `[N]` each.

    Attributes:
        rows: their line numbers, from 0, as in the review ids of the product search benchmark.
        users, items: ids.
        times: int64 seconds.
        rejected: the other lines among them that are not empty.
    """

    rows: npt.NDArray[np.int64]
    users: pa.Array
    items: pa.Array
    times: pa.Array
    rejected: pa.Table


@dataclass(frozen=True)
class ReviewFile:
    """`reviews_*_5.json.gz`, read in blocks that are forgotten again.

    A block is parsed as a whole, which is three times as fast as line by line. What that finds
    odd is parsed again by line, so that a bad line costs no other.

    Attributes:
        path: of the file.
    """

    path: Path

    def events(self) -> Iterator[ReviewEvents]:
        """Who reviewed what and when, in the order of the file.

        A review of these fields has more than 48 bytes, so a block has fewer rows than
        `CHUNK_ROWS`. Rejected are lines that are no JSON object, and those without a user, an
        item or a time.

        Raises:
            InputError: if the file cannot be read to its end.
        """
        for block in line_blocks(self.path):
            rejected = RejectedLines()
            rows, fields = _parse(block, _EVENT_FIELDS, rejected)
            yield ReviewEvents(rows, fields[USER], fields[ITEM], fields[TIME], rejected.table())

    def texts(self) -> Iterator[bytes]:
        """Texts and summaries, UTF-8, some thousands at a time with line breaks between them.

        What is no text counts for nothing, nor does a line that is no JSON object.

        Raises:
            InputError: if the file cannot be read to its end.
        """
        for block in line_blocks(self.path):
            _, fields = _parse(block, _TEXT_FIELDS, RejectedLines())
            columns = (pc.fill_null(column, "").cast(pa.binary()) for column in fields.values())
            yield b"\n".join(text for column in columns for text in column.to_pylist())


def _parse(
    block: LineBlock, fields: pa.Schema, rejected: RejectedLines
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    """Line numbers from 0, and the fields of every line."""
    table = _parse_whole(block, fields)
    if table is None:
        return _parse_by_line(block, fields, rejected)
    rows = np.arange(table.num_rows) + (block.first_line - 1)
    return rows, {name: table[name].combine_chunks() for name in fields.names}


def _parse_whole(block: LineBlock, fields: pa.Schema) -> pa.Table | None:
    """The fields, or `None` if some line needs a closer look."""
    line_ends = block.data.count(b"\n", 0, len(block.data) - 1)
    # Inside an object "}" is never followed by "{": every line starts one and ends one.
    if block.data.count(b"}\n{") != line_ends:
        return None
    try:
        table = pyarrow.json.read_json(
            pa.BufferReader(block.data),
            pyarrow.json.ReadOptions(use_threads=False, block_size=len(block.data) + 1),
            pyarrow.json.ParseOptions(explicit_schema=fields, unexpected_field_behavior="ignore"),
        )
        table.validate(full=True)
    except pa.ArrowException:
        return None
    # More rows than lines: several objects on one.
    odd = table.num_rows != line_ends + 1 or any(
        table[name].null_count for name in _REQUIRED.intersection(fields.names)
    )
    return None if odd else table


def _parse_by_line(
    block: LineBlock, fields: pa.Schema, rejected: RejectedLines
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    rows: list[int] = []
    values: list[list[str | int | None]] = []
    for row, line in enumerate(block.raw_lines, block.first_line - 1):
        if not line.strip():
            continue
        try:
            review = _json_object(line)
            values.append([_value(review, field) for field in fields])
            rows.append(row)
        except UnusableLineError as problem:
            rejected.add(row, problem, line)
    columns = zip(*values, strict=True) if values else ([] for _ in fields)
    arrays = zip(fields, columns, strict=True)
    return np.array(rows, np.int64), {
        field.name: pa.array(column, field.type) for field, column in arrays
    }


def _json_object(line: bytes) -> dict[str, Any]:
    text = utf8_text(line)
    try:
        review = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UnusableLineError("line is no JSON", "one JSON object") from error
    if not isinstance(review, dict):
        raise UnusableLineError("line is no JSON object", "one JSON object")
    return review


def _value(review: dict[str, Any], field: pa.Field) -> str | int | None:
    value = review.get(field.name)
    if field.name not in _REQUIRED:
        # Half of a surrogate pair is JSON, but no text.
        return value.encode("utf-8", "ignore").decode() if isinstance(value, str) else None
    kind, expected = _KINDS[field.type]
    if value is None:
        raise UnusableLineError(f"{field.name} is missing", expected)
    if not (_is_text(value) if pa.types.is_string(field.type) else _is_int64(value)):
        raise UnusableLineError(f"{field.name} is not {kind}", expected)
    return value


def _is_text(value: object) -> bool:
    return isinstance(value, str) and not any("\ud800" <= c <= "\udfff" for c in value)


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63
