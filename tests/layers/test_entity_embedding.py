"""Users and items."""

from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.layers.entity_embedding import EntityEmbedding
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import below, entity_weights
from tests.layers.small_case import (
    ROWS,
    attribute_table,
    draw_parameters,
    entity_layer,
    vocabulary_indices,
)
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

IDS = np.array([[0, 1, 2], [3, 3, 0]], np.int32)


def test_as_a_layer() -> None:
    layer = EntityEmbedding(3, 4, (2, 3), 2, initialization=0.5)
    assert layer.width == 8
    weights = {
        "ids/table": (5, 4),
        "attribute_0/table": (4, 2),
        "attribute_1/table": (5, 2),
        "attribute_table": (5, 2),
    }
    # Without a table every id has the padded attribute: no row of theirs is used.
    idle = ("attribute_0/table", "attribute_1/table")
    run_layer_test(layer, (None,), {"ids": IDS}, weights, idle=idle)


def test_as_a_layer_without_attributes() -> None:
    layer = EntityEmbedding(3, 4, initialization=0.5, padding_row=False, unknown_row=False)
    run_layer_test(layer, (None,), {"ids": IDS}, {"ids/table": (3, 4)})


def test_attributes_are_looked_up_by_id() -> None:
    layer = EntityEmbedding(2, 1, (2,), 1)
    layer.build()
    layer.ids.table.assign([[0.0], [1], [2], [3]])
    layer.attributes[0].table.assign([[0.0], [10], [20], [30]])
    layer.attribute_table.assign([[0], [0], [3], [1]])
    # Padding is zero; unknown (1) has no attribute; ids 2 and 3 have values 3 and 1.
    expected = [[0, 0], [1, 0], [2, 30], [3, 10]]
    np.testing.assert_array_equal(layer(np.arange(4)), expected)
    assert not layer.attribute_table.trainable


@pytest.mark.parametrize("closed", [False, True])
@pytest.mark.parametrize("kind", ["user", "item"])
def test_agrees_with_the_reference(kind: str, closed: bool) -> None:
    rng = np.random.default_rng(1)
    embedding = draw_parameters(rng, closed_tables=closed).embedding
    embed = getattr(reference, f"{kind}_embedding")
    padding = kind == "item" or not closed
    rows = rng.integers(0, getattr(ROWS, f"{kind}s"), (5, 4))
    indices = vocabulary_indices(rows, padding, not closed)
    table = attribute_table(getattr(embedding, f"{kind}_attribute_ids"), padding, not closed)

    def make(dtype: str) -> EntityEmbedding:
        layer = entity_layer(kind, closed, dtype)
        layer.attribute_table.assign(table)
        return layer

    arrays = named_arrays(embedding)
    used = {kind: arrays[kind]} | {
        f"{kind}_attributes.{name}": array
        for name, array in below(f"{kind}_attributes", arrays).items()
    }
    assert_agreement(
        make,
        lambda layer, _: [layer(indices)],
        lambda: [embed(embedding, rows, closed)],
        {},
        used,
        lambda values: entity_weights(kind, values),
    )
