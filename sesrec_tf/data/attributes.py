"""Categorical attributes of items and users."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.log_columns import has_empty_level
from sesrec_tf.data.log_reader import LogReader
from sesrec_tf.data.log_tables import REQUIRED_COLUMNS
from sesrec_tf.data.rejected_rows import TableRows
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.data.valid_rows import ValidRows
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.errors import InputError
from sesrec_tf.schema import FIRST_KNOWN, PADDING, UNKNOWN

PATH_SEPARATOR = " > "
PATH_COLUMN = "category"
MAX_LEVELS = 4
RESERVED = ("count", "clicks")

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


@dataclass(frozen=True)
class Attribute:
    """One categorical attribute.

    Attributes:
        name: of the column; level k of a path is `NAME_k`.
        values: known values, most frequent first; element n has index n + 2.
        by_index: `[ids + 2]` int32, the value index of every id of the owner's vocabulary.
    """

    name: str
    values: Vocabulary
    by_index: npt.NDArray[np.int32]


@dataclass(frozen=True)
class AttributeTable:
    """One table of attributes.

    Attributes:
        attributes: of every id of the owner's vocabulary.
        rows: of the table.
        absent: known ids that no usable row describes.
    """

    attributes: list[Attribute]
    rows: TableRows
    absent: int

    @classmethod
    def of(cls, reader: LogReader, table: str, vocabulary: Vocabulary) -> AttributeTable:
        """Reads a table chunk by chunk and keeps what is known.

        Value vocabularies hold the values of known ids only. An id that the table lacks, an empty
        value and a path that ends above the level all have the unknown index 1. Of several rows
        of one known id the first counts; those of ids that are not known count as used, whatever
        they hold.

        Args:
            reader: with the table, or without it.
            table: `items` or `users`.
            vocabulary: of the ids.

        Raises:
            InputError: if a column's name cannot name a file or is taken.
        """
        (key,) = REQUIRED_COLUMNS[table]
        kept, counted = [], []
        for part in range(reader.parts(table)):
            for chunk in reader.chunks(table, part):
                valid = ValidRows.of(chunk, table, "s")
                counted.append(valid.counted)
                known = pc.is_in(valid.rows[key], vocabulary.ids)
                kept.append(valid.rows.filter(known))
        if not kept:
            return cls([], TableRows(0), 0)
        checks = RowChecks(pa.concat_tables(kept).sort_by(ROW), table)
        columns = _columns(checks, key, vocabulary)
        counted.append(TableRows(0, checks.rejected()))
        return cls(
            attributes=[_attribute(name, values) for name, values in columns.items()],
            rows=TableRows.summed(counted),
            absent=len(vocabulary) - int(checks.usable.sum()),
        )


def _columns(checks: RowChecks, key: str, vocabulary: Vocabulary) -> dict[str, pa.Array]:
    """The values of every attribute for every known id, "" where there is none."""
    ids = checks.column(key)
    texts = pd.Series(ids.to_numpy(zero_copy_only=False), dtype=object)
    again = pa.array(texts.duplicated().to_numpy())
    checks.refuse(again, key, "stands again", "one row an id")
    names = [name for name in checks.rows.column_names if name not in (ROW, key)]
    paths = [name for name in names if _is_path(name, checks.column(name))]
    for name in paths:
        expected = "a name at every level of a ` > ` path, or nothing at all"
        empty = has_empty_level(checks.column(name))
        checks.refuse(empty, name, "has an empty level", expected)
    usable = pa.array(checks.usable)
    row = pc.index_in(vocabulary.ids, ids.filter(usable))
    columns: dict[str, pa.Array] = {}
    for name in names:
        known = pc.fill_null(checks.column(name).filter(usable).take(row), "")
        for attribute, values in _levels(name, known) if name in paths else [(name, known)]:
            _require_name(attribute, checks.table, columns)
            columns[attribute] = values
    return columns


def attribute_frame(attributes: list[Attribute]) -> pd.DataFrame:
    """One int32 column per attribute, row i for index i."""
    return pd.DataFrame({attribute.name: attribute.by_index for attribute in attributes})


def _is_path(name: str, values: pa.Array) -> bool:
    separated = pc.any(pc.match_substring(values, PATH_SEPARATOR)).as_py()
    return name == PATH_COLUMN or bool(separated)


def _levels(name: str, values: pa.Array) -> list[tuple[str, pa.Array]]:
    """One column per level of a path.

    The value of level k is the whole path down to it, so that equal names under different
    parents stay different.
    """
    parts = pc.split_pattern(values, PATH_SEPARATOR)
    depth = pc.list_value_length(parts)
    deepest = min(pc.max(depth).as_py() or 1, MAX_LEVELS)
    separator = pa.scalar(PATH_SEPARATOR, pa.large_string())
    levels = []
    for level in range(1, deepest + 1):
        prefix = pc.binary_join(pc.list_slice(parts, 0, level), separator)
        reached = pc.greater_equal(depth, level)
        levels.append((f"{name}_{level}", pc.if_else(reached, prefix, "")))
    return levels


def _attribute(name: str, values: pa.Array) -> Attribute:
    distinct, (codes,) = sorted_codes(values)
    counts = np.bincount(codes, minlength=len(distinct))
    counts *= pc.not_equal(distinct, "").to_numpy(zero_copy_only=False)
    vocabulary = Vocabulary.from_counts(distinct, counts)
    by_index = np.full(len(values) + FIRST_KNOWN, UNKNOWN, np.int32)
    by_index[PADDING] = PADDING
    by_index[FIRST_KNOWN:] = vocabulary.index[codes]
    return Attribute(name=name, values=vocabulary, by_index=by_index)


def _require_name(name: str, table: str, taken: dict[str, pa.Array]) -> None:
    if name in taken or name in RESERVED or not _NAME.fullmatch(name):
        raise InputError(
            f"{table}: column {name!r} cannot name an attribute. Expected letters, digits, "
            f"'_', '-' or '.', not {' or '.join(RESERVED)}, and no name twice. Rename the column."
        )
