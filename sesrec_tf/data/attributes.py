"""Categorical attributes of items and users."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.log_columns import identifier_column, require_levels, text_column
from sesrec_tf.data.sorted_codes import sorted_codes
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


def build_attributes(
    frame: pd.DataFrame | None, table: str, key: str, vocabulary: Vocabulary
) -> list[Attribute]:
    """The attributes of every id of a vocabulary.

    Value vocabularies hold the values of known ids only. An id that the table lacks, an empty
    value and a path that ends above the level all have the unknown index 1.

    Args:
        frame: the table, or `None`.
        table: its name, for messages.
        key: its id column.
        vocabulary: of the ids.

    Raises:
        InputError: if an id stands twice, a path has an empty level, or a column's name cannot
            name a file or is taken.
    """
    if frame is None:
        return []
    ids = identifier_column(frame, table, key)
    _refuse_repeated_ids(ids, table, key)
    row = pc.index_in(vocabulary.ids, ids)
    columns: dict[str, pa.Array] = {}
    for name in (str(column) for column in frame.columns if column != key):
        texts = text_column(frame, table, name)
        known = texts.take(row)
        is_path = _is_path(name, known)
        if is_path:
            require_levels(texts, table, name)
        for attribute, values in _levels(name, known) if is_path else [(name, known)]:
            _require_name(attribute, table, columns)
            columns[attribute] = values
    return [_attribute(name, pc.fill_null(values, "")) for name, values in columns.items()]


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


def _refuse_repeated_ids(ids: pa.Array, table: str, key: str) -> None:
    texts = pd.Series(ids.to_numpy(zero_copy_only=False))
    again = np.flatnonzero(texts.duplicated())
    if len(again):
        first = int(np.flatnonzero(texts == texts[again[0]])[0])
        raise InputError(
            f"{table}: {key} {texts[again[0]]!r} stands in data rows {first + 1} and "
            f"{again[0] + 1}. Expected one row an id. Keep one of them."
        )
