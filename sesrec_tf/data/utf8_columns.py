"""Text that a file only claims to be UTF-8: Arrow takes Parquet's word for it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.data.log_chunk import REJECTED, ROW, rejection

_KINDS = (
    pa.types.is_string,
    pa.types.is_large_string,
    pa.types.is_string_view,
    pa.types.is_binary,
    pa.types.is_large_binary,
    pa.types.is_binary_view,
    pa.types.is_fixed_size_binary,
)


def utf8_columns(rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Makes text of bytes, dictionaries of text and lists of either.

    Args:
        rows: with the column `row`.

    Returns:
        The rows without those whose text or bytes are no UTF-8 in some column; other types than
        the above are kept. The others, as `REJECTED` says, each under the first such column, with
        the bytes that are no text as escapes.

    Raises:
        pa.ArrowInvalid: if a column is broken in another way.
    """
    kinds = {
        field.name: kind for field in rows.schema if (kind := _text_type(field.type)) is not None
    }
    try:
        return _as_text(rows, kinds), REJECTED.empty_table()
    except pa.ArrowInvalid:
        rows, rejected = _without_unreadable(rows, list(kinds))
        return _as_text(rows, kinds), rejected


def _text_type(kind: pa.DataType) -> pa.DataType | None:
    """What a column becomes, `None` if it holds no text."""
    if pa.types.is_dictionary(kind):
        return _text_type(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        values = _text_type(kind.value_type)
        make = pa.list_ if pa.types.is_list(kind) else pa.large_list
        return None if values is None else make(values)
    if not any(matches(kind) for matches in _KINDS):
        return None
    return kind if pa.types.is_string(kind) else pa.large_string()


def _bytes_type(kind: pa.DataType) -> pa.DataType:
    """As `_text_type`, of one that holds text."""
    if pa.types.is_dictionary(kind):
        return _bytes_type(kind.value_type)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return pa.large_list(_bytes_type(kind.value_type))
    return pa.large_binary()


def _as_text(rows: pa.Table, kinds: dict[str, pa.DataType]) -> pa.Table:
    for name, kind in kinds.items():
        values = rows[name].cast(kind)
        # Casts from text to text check nothing.
        values.validate(full=True)
        rows = rows.set_column(rows.column_names.index(name), name, values)
    return rows


def _without_unreadable(rows: pa.Table, columns: list[str]) -> tuple[pa.Table, pa.Table]:
    """As `utf8_columns`, the columns as bytes."""
    for name in columns:
        place = rows.column_names.index(name)
        rows = rows.set_column(place, name, rows[name].cast(_bytes_type(rows[name].type)))
    rejected = [REJECTED.empty_table()]
    for name in columns:
        readable = _is_utf8(rows[name])
        if not readable.all():
            found = rows.filter(pa.array(~readable))
            shown, problem = _as_shown(found, columns), f"{name} is no UTF-8 text"
            rejected.append(rejection(found[ROW].to_numpy(), problem, "UTF-8", shown))
            rows = rows.filter(pa.array(readable))
    return rows, pa.concat_tables(rejected).sort_by(ROW)


def _is_utf8(values: pa.ChunkedArray) -> npt.NDArray[np.bool_]:
    return np.array([_is_text(value) for value in values.to_pylist()], np.bool_)


def _is_text(value: bytes | list[Any] | None) -> bool:
    try:
        _decoded(value, "strict")
    except UnicodeDecodeError:
        return False
    return True


def _as_shown(rows: pa.Table, columns: list[str]) -> pa.Table:
    """What was bytes as text, with escapes."""
    for name in columns:
        shown = [_decoded(value, "backslashreplace") for value in rows[name].to_pylist()]
        rows = rows.set_column(rows.column_names.index(name), name, [shown])
    return rows.drop_columns([ROW])


def _decoded(value: Any, errors: str) -> Any:
    if isinstance(value, list):
        return [_decoded(each, errors) for each in value]
    return value.decode(errors=errors) if isinstance(value, bytes) else value
