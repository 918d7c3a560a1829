"""One Parquet file of a log table."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet

from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk
from sesrec_tf.data.log_file import LogFile
from sesrec_tf.data.utf8_columns import utf8_columns

# What pandas calls an index without a name when it writes Parquet.
_NAMELESS_INDEX = re.compile(r"__index_level_\d+__")


class ParquetLogFile(LogFile):
    """Parquet; a gzipped file is held in memory. See `LogFile`.

    Text, and bytes for text, become text whatever their type; other columns keep theirs. A row with
    bytes that are no UTF-8 text is rejected.
    """

    def columns(self) -> list[str]:
        """See the base class."""
        with self.file.random_access() as file:
            return self._columns(pyarrow.parquet.ParquetFile(file))

    def chunks(self, first_row: int) -> Iterator[LogChunk]:
        """See the base class."""
        with self.file.random_access() as file:
            parquet = pyarrow.parquet.ParquetFile(file)
            columns, ranges = self._columns(parquet), _named_ranges(parquet)
            stored = [name for name in columns if name not in ranges]
            done = 0
            for batch in parquet.iter_batches(CHUNK_ROWS, columns=stored):
                places = range(done, done + len(batch))
                yield _chunk(batch, columns, ranges, places, first_row)
                done += len(batch)
            if done == 0:
                empty = pa.RecordBatch.from_pylist([], _stored_schema(parquet, stored))
                yield _chunk(empty, columns, ranges, range(0), first_row)

    def lines(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """See the base class; numbers of rows, from 1."""
        return rows + 1

    def _columns(self, parquet: pa.parquet.ParquetFile) -> list[str]:
        names = parquet.schema_arrow.names
        stored = (name for name in names if not _NAMELESS_INDEX.fullmatch(name))
        return self._wanted([*_named_ranges(parquet), *stored])


def _chunk(
    batch: pa.RecordBatch,
    columns: list[str],
    ranges: dict[str, range],
    places: range,
    first_row: int,
) -> LogChunk:
    # A new table, without pandas' metadata: what was an index would become one again.
    values = {
        name: _integers(ranges[name][places.start : places.stop]) if name in ranges else batch[name]
        for name in columns
    }
    numbers = range(first_row + places.start, first_row + places.stop)
    return LogChunk(*utf8_columns(pa.table({**values, ROW: _integers(numbers)})))


def _integers(values: range) -> pa.Array:
    return pa.array(np.arange(values.start, values.stop, values.step, dtype=np.int64))


def _stored_schema(parquet: pa.parquet.ParquetFile, names: list[str]) -> pa.Schema:
    return pa.schema([parquet.schema_arrow.field(name) for name in names])


def _named_ranges(parquet: pa.parquet.ParquetFile) -> dict[str, range]:
    """Index columns of consecutive integers: pandas keeps them in its metadata alone."""
    indices = (parquet.schema_arrow.pandas_metadata or {}).get("index_columns", [])
    named = [each for each in indices if isinstance(each, dict) and each.get("name") is not None]
    ranges = {each["name"]: range(each["start"], each["stop"], each["step"]) for each in named}
    rows = parquet.metadata.num_rows
    return {name: values for name, values in ranges.items() if len(values) == rows}
