"""What a reader of logs gives, as tests compare it."""

from __future__ import annotations

from collections import Counter

import pandas as pd
import pyarrow as pa

from sesrec_tf.data.log_chunk import CONTENT, EXPECTED, REASON, REJECTED, ROW
from sesrec_tf.data.log_reader import LogReader


def read_table(reader: LogReader, table: str) -> pd.DataFrame:
    """All rows of a table of one part; the index is the column `row`."""
    assert reader.parts(table) == 1
    chunks = list(reader.chunks(table))
    rows = pa.concat_tables([chunk.rows for chunk in chunks]).to_pandas()
    found = rows[ROW].tolist() + pa.concat_tables([c.rejected for c in chunks])[ROW].to_pylist()
    assert len(set(found)) == len(found)
    assert rows[ROW].is_monotonic_increasing
    return rows.set_index(ROW)


def read_left_out(reader: LogReader, table: str) -> dict[str, int]:
    """How many rows of the files are left out, by reason."""
    left_out: Counter[str] = Counter()
    for chunk in reader.chunks(table):
        assert all(count > 0 for count in chunk.left_out.values())
        left_out.update(chunk.left_out)
    return dict(left_out)


def count_rows(reader: LogReader, table: str) -> int:
    """All rows of the files: those of the table, the rejected ones and those left out."""
    chunks = list(reader.chunks(table))
    left_out = sum(sum(chunk.left_out.values()) for chunk in chunks)
    return sum(len(chunk.rows) + len(chunk.rejected) for chunk in chunks) + left_out


def read_tuples(reader: LogReader, table: str) -> list[tuple[object, ...]]:
    """All rows of a table of one part, without their numbers."""
    return list(read_table(reader, table).itertuples(index=False, name=None))


def read_rejected(reader: LogReader, table: str) -> list[tuple[int, str, str]]:
    """Line, reason and content of every rejected row of a table of one part."""
    found = pa.concat_tables([chunk.rejected for chunk in reader.chunks(table)])
    assert found.schema == REJECTED
    assert all(found[EXPECTED].to_pylist())
    _, lines = reader.lines(table, found[ROW].to_numpy())
    columns = (lines.tolist(), found[REASON].to_pylist(), found[CONTENT].to_pylist())
    return list(zip(*columns, strict=True))


def every_row(reader: LogReader, table: str) -> pa.Table:
    """The rows of all parts of a table."""
    return pa.concat_tables(
        chunk.rows for part in range(reader.parts(table)) for chunk in reader.chunks(table, part)
    )


def every_rejection(reader: LogReader, table: str) -> list[tuple[str, str, int]]:
    """File, reason and line of every rejected row of all parts of a table."""
    found = pa.concat_tables(
        chunk.rejected
        for part in range(reader.parts(table))
        for chunk in reader.chunks(table, part)
    )
    files, lines = reader.lines(table, found[ROW].to_numpy())
    names = [file.rpartition("/")[2] for file in files]
    return list(zip(names, found[REASON].to_pylist(), lines.tolist(), strict=True))
