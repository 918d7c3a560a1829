"""One small size for the tests of all layers, and histories of every kind of length."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from sesrec_tf.layers.entity_embedding import EntityEmbedding
from sesrec_tf.layers.query_embedding import QueryEmbedding
from tests.reference.parameters import Options, Parameters, TableRows, random_parameters
from tests.reference.random_batches import BatchShape

D, USER_D = 6, 7
SHAPE = BatchShape(batch=6)
ROWS = TableRows(item_attributes=(5,), user_attributes=(4, 3))
OPTIONS = Options(
    item_width=4,
    item_attribute_width=2,
    user_width=3,
    user_attribute_width=2,
    query_width=3,
    word_width=2,
    heads=2,
    hidden_units=(7, 5),
)

REC_MASK = np.arange(5) < np.array([0, 0, 5, 1, 5, 3])[:, None]
SEARCH_MASK = np.arange(4) < np.array([0, 4, 0, 1, 4, 2])[:, None]
"""Both histories empty, either empty, one event each, both full, and something between."""


def draw_parameters(rng: np.random.Generator, **changes: Any) -> Parameters:
    """Random parameters of the small size."""
    options = replace(OPTIONS, **changes)
    return random_parameters(rng, ROWS, SHAPE.rec_length, SHAPE.search_length, options)


def draw_states(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Random states of both histories, zero where there is no event at all."""
    return {
        "rec_states": rng.normal(size=(*REC_MASK.shape, D)) * REC_MASK.any(1)[:, None, None],
        "search_states": rng.normal(size=(*SEARCH_MASK.shape, D))
        * SEARCH_MASK.any(1)[:, None, None],
    }


def float32(arrays: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays in single precision."""
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def known(rows: int, padding: bool, unknown: bool) -> int:
    """Ids of their own in a table of so many rows."""
    return rows - int(padding) - int(unknown)


def entity_layer(kind: str, closed: bool, dtype: str = "float32") -> EntityEmbedding:
    """The built layer of users or items (`kind` is `user` or `item`) over the small tables."""
    padding, unknown = kind == "item" or not closed, not closed
    sizes = getattr(ROWS, f"{kind}_attributes")
    layer = EntityEmbedding(
        known(getattr(ROWS, f"{kind}s"), padding, unknown),
        getattr(OPTIONS, f"{kind}_width"),
        tuple(known(size, unknown, unknown) for size in sizes),
        2,
        padding_row=padding,
        unknown_row=unknown,
        dtype=dtype,
    )
    layer.build(None)
    return layer


def query_layer(closed: bool, dtype: str = "float32") -> QueryEmbedding:
    """The built layer of queries over the small tables."""
    unknown = not closed
    layer = QueryEmbedding(
        known(ROWS.queries, True, unknown),
        known(ROWS.words, True, unknown),
        OPTIONS.query_width,
        OPTIONS.word_width,
        unknown_row=unknown,
        dtype=dtype,
    )
    layer.build(None)
    return layer


def vocabulary_indices(rows: np.ndarray, padding: bool, unknown: bool) -> np.ndarray:
    """The vocabulary index of each row of a table with or without these rows.

    The reference counts rows; the package counts 0 for padding, 1 for unknown, then known ids.
    """
    shift = 2 - int(padding) - int(unknown)
    indices = rows + shift
    return (np.where(rows == 0, 0, indices) if padding else indices).astype(np.int32)


def attribute_table(ids: np.ndarray, padding: bool, unknown: bool) -> np.ndarray:
    """The layer's `attribute_table` of the reference's attribute ids `[rows, attributes]`."""
    values = vocabulary_indices(ids, unknown, unknown)
    shift = 2 - int(padding) - int(unknown)
    table = np.zeros((len(ids) + shift, ids.shape[1]), np.int32)
    table[shift:] = values
    if padding:
        table[: shift + 1] = 0
    return table
