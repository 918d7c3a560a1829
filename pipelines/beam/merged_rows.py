"""Rows read and rejected, added up over the parts of a table."""

from __future__ import annotations

import json
from collections.abc import Iterable

import apache_beam as beam

from pipelines.beam.arrow_bytes import from_bytes, to_bytes
from sesrec_tf.data.rejected_rows import TableRows

_NUMBERS = "numbers"
_MOST_PARTS = 64


class MergeRows(beam.CombineFn):
    """Packed `TableRows` to one."""

    def create_accumulator(self) -> list[bytes]:
        return []

    def add_input(self, accumulator: list[bytes], element: bytes) -> list[bytes]:
        return _few([*accumulator, element])

    def merge_accumulators(self, accumulators: Iterable[list[bytes]]) -> list[bytes]:
        return _few([each for found in accumulators for each in found])

    def extract_output(self, accumulator: list[bytes]) -> bytes:
        return _joined(accumulator)


def packed(rows: TableRows) -> bytes:
    """As bytes; `unpacked` reads them."""
    numbers = json.dumps([rows.read, dict(rows.left_out)])
    # Each chunk of a table costs as much as thousands of rows.
    table = rows.rejected.combine_chunks()
    return to_bytes(table.replace_schema_metadata({_NUMBERS: numbers}))


def unpacked(data: bytes) -> TableRows:
    """What `packed` gave."""
    table = from_bytes(data)
    read, left_out = json.loads(table.schema.metadata[_NUMBERS.encode()])
    return TableRows(read, table.replace_schema_metadata(None), left_out)


def _few(parts: list[bytes]) -> list[bytes]:
    """The parts, or one of them all: joining at each would copy all rows each time."""
    return parts if len(parts) < _MOST_PARTS else [_joined(parts)]


def _joined(found: Iterable[bytes]) -> bytes:
    return packed(TableRows.summed(unpacked(data) for data in found))
