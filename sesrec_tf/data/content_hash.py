"""One digest of everything in a prepared data set."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


class ContentHash:
    """SHA-256 of named columns, whatever the files and the order they are written in.

    File bytes would not do: the serialisation of a `tf.Example` puts its features in an order
    that changes from run to run, and shards can be cut anywhere.
    """

    def __init__(self) -> None:
        self._columns: dict[str, hashlib._Hash] = {}

    def add_text(self, name: str, text: str) -> None:
        """Adds a text under a name."""
        self._update(name, text.encode("utf-8"))

    def add_array(self, name: str, values: npt.NDArray[Any]) -> None:
        """Appends integers or booleans to a column."""
        self._update(name, np.ascontiguousarray(values.astype("<i8")).data)

    def add_table(self, name: str, table: pa.Table | pa.RecordBatch) -> None:
        """Appends the rows of integer, boolean, string and list columns."""
        for column in table.schema.names:
            values = table.column(column)
            if isinstance(values, pa.ChunkedArray):
                values = values.combine_chunks()
            self._add_column(f"{name}/{column}", values)

    def hexdigest(self) -> str:
        """The digest of all that was added, by name."""
        total = hashlib.sha256()
        for name in sorted(self._columns):
            total.update(f"{name}\n{self._columns[name].hexdigest()}\n".encode())
        return total.hexdigest()

    def _add_column(self, name: str, values: pa.Array) -> None:
        if hasattr(values.type, "value_type"):
            self.add_array(f"{name}/length", values.value_lengths().to_numpy())
            values = values.flatten()
        if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
            self._add_strings(name, values.cast(pa.large_string()))
        else:
            self.add_array(name, values.to_numpy(zero_copy_only=False))

    def _add_strings(self, name: str, values: pa.Array) -> None:
        self.add_array(f"{name}/bytes", pc.binary_length(values).to_numpy())
        whole = pa.LargeListArray.from_arrays(pa.array([0, len(values)]), values)
        joined = pc.binary_join(whole, pa.scalar("", pa.large_string()))
        self._update(name, joined[0].as_buffer())

    def _update(self, name: str, data: bytes | memoryview | pa.Buffer) -> None:
        self._columns.setdefault(name, hashlib.sha256()).update(data)
