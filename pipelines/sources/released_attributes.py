"""Attributes of a release's items or users."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import id_array, padding_left_out
from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk

_VALUE = (str, int, float, np.number, type(None))


class ReleasedAttributes:
    """Values of each attribute by id.

    Args:
        ids: `[N]` integers or text.
        values: by attribute, `[N]` values; those that are no text or number are unknown.
        padding: the id that is no row.
    """

    def __init__(
        self, ids: pa.Array, values: Mapping[str, Sequence[Any]], padding: str | None = None
    ) -> None:
        self._ids = pc.cast(ids, pa.large_string())
        self._values = {
            name: pa.array(list(map(_text, column)), pa.large_string())
            for name, column in values.items()
        }
        self._padding = padding

    @classmethod
    def of_entries(
        cls, entries: Mapping[Any, Any], names: Sequence[str], where: str, padding: str | None
    ) -> ReleasedAttributes:
        """From a dictionary of dictionaries.

        Args:
            entries: by id.
            names: attributes to take, those that any entry has.
            where: they stand, for messages.
            padding: the id that is no row.

        Raises:
            InputError: if a key is no id.
        """
        usable = [entry if isinstance(entry, dict) else {} for entry in entries.values()]
        had = [name for name in names if any(name in entry for entry in usable)]
        values = {name: [entry.get(name) for entry in usable] for name in had}
        return cls(id_array(list(entries), where), values, padding)

    @classmethod
    def of_arrays(
        cls, arrays: Mapping[Any, Any], id_name: str, padding: str | None
    ) -> ReleasedAttributes:
        """From arrays whose places are ids.

        Args:
            arrays: by attribute, `[N]` each; what has another shape is no attribute.
            id_name: the one of them that is the id itself.
            padding: the id that is no row.
        """
        values: dict[str, npt.NDArray[Any]] = {
            str(name): np.asarray(values)
            for name, values in arrays.items()
            if name != id_name and np.ndim(values) == 1
        }
        size = min(map(len, values.values()), default=0)
        columns = {name: column[:size].tolist() for name, column in values.items()}
        return cls(pa.array(np.arange(size)), columns, padding)

    def __bool__(self) -> bool:
        """Whether there is an attribute at all."""
        return bool(self._values)

    def chunks(self, key: str) -> Iterator[LogChunk]:
        """The table, rows numbered by their places.

        Args:
            key: name of the column of ids.
        """
        table = pa.table({ROW: np.arange(len(self._ids)), key: self._ids, **self._values})
        for start in range(0, max(1, len(table)), CHUNK_ROWS):
            there = rows = table.slice(start, CHUNK_ROWS)
            if self._padding is not None:
                rows = rows.filter(pc.not_equal(rows[key], self._padding))
            yield LogChunk(rows, left_out=padding_left_out(len(there) - len(rows)))


def _text(value: Any) -> str:
    if value is None or not isinstance(value, _VALUE):
        return ""
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value) * (value == value)
    return str(value)
