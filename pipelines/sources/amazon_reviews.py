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

from pipelines.sources.line_blocks import LineBlock, line_blocks, line_error

USER = "reviewerID"
ITEM = "asin"
TIME = "unixReviewTime"
_EVENT_FIELDS = pa.schema([(USER, pa.string()), (ITEM, pa.string()), (TIME, pa.int64())])
_TEXT_FIELDS = pa.schema([("reviewText", pa.string()), ("summary", pa.string())])
_REQUIRED = frozenset(_EVENT_FIELDS.names)
_EXPECTED = {pa.string(): "non-empty text", pa.int64(): "a whole number of seconds"}


@dataclass(frozen=True)
class ReviewEvents:
    """Some consecutive reviews, `[N]` each.

    Attributes:
        lines: their line numbers, from 0, as in the review ids of the product search benchmark.
        users, items: ids.
        times: int64 seconds.
    """

    lines: npt.NDArray[np.int64]
    users: pa.Array
    items: pa.Array
    times: pa.Array


@dataclass(frozen=True)
class ReviewFile:
    """`reviews_*_5.json.gz`, read in blocks that are forgotten again.

    A block is parsed as a whole, which is three times as fast as line by line. What that finds
    odd is parsed again by line, so that an error has a line number.

    Attributes:
        path: of the file.
    """

    path: Path

    def events(self) -> Iterator[ReviewEvents]:
        """Who reviewed what and when, in the order of the file.

        A review of these fields has more than 48 bytes, so a block has fewer rows than
        `CHUNK_ROWS`.

        Raises:
            InputError: naming the line that is not a JSON object, or lacks a user, an item or a
                time.
        """
        for block in line_blocks(self.path):
            lines, fields = _parse(block, _EVENT_FIELDS)
            if len(lines):
                yield ReviewEvents(lines, fields[USER], fields[ITEM], fields[TIME])

    def texts(self) -> Iterator[bytes]:
        """Texts and summaries, UTF-8, some thousands at a time with line breaks between them.

        Raises:
            InputError: naming the line that is not a JSON object or has a text of another type.
        """
        for block in line_blocks(self.path):
            _, fields = _parse(block, _TEXT_FIELDS)
            columns = (pc.fill_null(column, "").cast(pa.binary()) for column in fields.values())
            yield b"\n".join(text for column in columns for text in column.to_pylist())


def _parse(
    block: LineBlock, fields: pa.Schema
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    """Line numbers from 0, and the fields of every line."""
    table = _parse_whole(block, fields)
    if table is None:
        return _parse_by_line(block, fields)
    lines = np.arange(table.num_rows) + (block.first_line - 1)
    return lines, {name: table[name].combine_chunks() for name in fields.names}


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
        _any_missing(table[name]) for name in _REQUIRED.intersection(fields.names)
    )
    return None if odd else table


def _any_missing(column: pa.ChunkedArray) -> bool:
    empty = pa.types.is_string(column.type) and pc.any(pc.equal(column, "")).as_py()
    return bool(column.null_count or empty)


def _parse_by_line(
    block: LineBlock, fields: pa.Schema
) -> tuple[npt.NDArray[np.int64], dict[str, pa.Array]]:
    lines: list[int] = []
    columns: dict[str, list[Any]] = {name: [] for name in fields.names}
    for number, line in block.lines():
        review = _json_object(block.path, number, line)
        lines.append(number - 1)
        for field in fields:
            columns[field.name].append(_value(review, field, block.path, number))
    arrays = {field.name: pa.array(columns[field.name], field.type) for field in fields}
    return np.array(lines, np.int64), arrays


def _json_object(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        review = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise line_error(path, number, f"no JSON ({error})", "one JSON object", line) from error
    if not isinstance(review, dict):
        raise line_error(path, number, "no JSON object", "one JSON object", line)
    return review


def _value(review: dict[str, Any], field: pa.Field, path: Path, number: int) -> str | int | None:
    value = review.get(field.name)
    expected = _EXPECTED[field.type]
    if field.name not in _REQUIRED:
        if value is None:
            return None
        if isinstance(value, str):
            # Half of a surrogate pair is JSON, but no text.
            return value.encode("utf-8", "ignore").decode()
        raise line_error(path, number, f"`{field.name}` is no text", "text", value)
    if value is None:
        raise line_error(path, number, f"no `{field.name}`", expected, review)
    if not (_is_text(value) if pa.types.is_string(field.type) else _is_int64(value)):
        raise line_error(path, number, f"`{field.name}` is unusable", expected, value)
    return value


def _is_text(value: object) -> bool:
    return (
        isinstance(value, str) and bool(value) and not any("\ud800" <= c <= "\udfff" for c in value)
    )


def _is_int64(value: object) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63
