"""Arrow tables in files that are mapped into memory."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.ipc


def write_table(table: pa.Table, path: Path) -> None:
    """Writes a table with its metadata."""
    with pyarrow.ipc.new_file(path, table.schema) as writer:
        writer.write_table(table.combine_chunks())


def read_table(path: Path) -> pa.Table:
    """A table whose memory is the file."""
    return pyarrow.ipc.open_file(pa.memory_map(str(path))).read_all()
