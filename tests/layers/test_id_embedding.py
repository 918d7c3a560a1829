"""Tables of vocabulary indices."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.layers.id_embedding import IdEmbedding
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.small_case import vocabulary_indices
from tests.reference import sesrec_numpy as reference

IDS = np.array([[0, 1, 2], [3, 3, 0]], np.int32)


@pytest.mark.parametrize(("padding", "unknown"), [(True, True), (True, False), (False, False)])
def test_as_a_layer(padding: bool, unknown: bool) -> None:
    run_layer_test(
        IdEmbedding(3, 4, padding, unknown, initialization=0.5),
        (None,),
        {"ids": IDS},
        {"table": (3 + padding + unknown, 4)},
    )


@pytest.mark.parametrize(
    ("padding", "unknown", "row_of_index"),
    [
        # Indices 0 to 4: padding, unknown, and three known ids; `None` is the zero vector.
        (True, True, [None, 1, 2, 3, 4]),
        (True, False, [None, None, 1, 2, 3]),
        (False, True, [None, 0, 1, 2, 3]),
        (False, False, [None, None, 0, 1, 2]),
    ],
)
def test_row_of_every_index(padding: bool, unknown: bool, row_of_index: list[int | None]) -> None:
    layer = IdEmbedding(3, 1, padding, unknown)
    layer.build()
    assert layer.rows == 3 + padding + unknown
    layer.table.assign(np.arange(10.0, 10 + layer.rows)[:, None])
    expected = [0.0 if row is None else 10.0 + row for row in row_of_index]
    np.testing.assert_array_equal(layer(np.arange(5))[:, 0], expected)


def test_the_gradient_holds_only_the_rows_used() -> None:
    layer = IdEmbedding(1000, 2)
    layer.build()
    with tf.GradientTape() as tape:
        total = tf.reduce_sum(layer(IDS))
    gradient = tape.gradient(total, layer.table.value)
    assert isinstance(gradient, tf.IndexedSlices)
    assert gradient.values.shape == (6, 2)
    # Padding gives nothing, 3 is used twice.
    dense = np.asarray(tf.convert_to_tensor(gradient))
    np.testing.assert_array_equal(dense[:4, 0], [0, 1, 1, 2])
    assert not dense[4:].any()


def test_padding_starts_at_zero() -> None:
    layer = IdEmbedding(5, 3)
    layer.build()
    assert not np.asarray(layer.table)[0].any()
    assert np.asarray(layer.table)[1:].all()


def test_an_empty_closed_table_still_has_a_row() -> None:
    layer = IdEmbedding(0, 3, False, False)
    layer.build()
    assert layer.table.shape == (1, 3)
    np.testing.assert_array_equal(layer(np.array([0, 1])), np.zeros((2, 3)))


@pytest.mark.parametrize(("padding", "unknown"), [(True, True), (True, False), (False, False)])
def test_agrees_with_the_reference(padding: bool, unknown: bool) -> None:
    rng = np.random.default_rng(0)
    table, rows = rng.normal(size=(6, 3)), rng.integers(0, 6, (4, 5))
    indices = vocabulary_indices(rows, padding, unknown)

    def make(dtype: str) -> IdEmbedding:
        layer = IdEmbedding(6 - padding - unknown, 3, padding, unknown, dtype=dtype)
        layer.build()
        return layer

    assert_agreement(
        make,
        lambda layer, _: [layer(indices)],
        lambda: [reference.lookup(table, rows, padding)],
        {},
        {"table": table},
        dict,
    )
