"""Arrow tables as bytes."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.ipc


def to_bytes(table: pa.Table) -> bytes:
    """A table in the streaming format of Arrow, its metadata included."""
    sink = pa.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def from_bytes(data: bytes) -> pa.Table:
    """What `to_bytes` gave, without a copy."""
    with pyarrow.ipc.open_stream(pa.py_buffer(data)) as reader:
        return reader.read_all()
