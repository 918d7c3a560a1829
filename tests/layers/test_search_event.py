"""Search sessions as events."""

from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.layers.search_event import SearchEvent
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.small_case import ROWS, SEARCH_MASK, D, draw_parameters, known
from tests.reference import sesrec_numpy as reference

SHAPE = (*SEARCH_MASK.shape, 3)


def draw_sessions(seed: int, closed: bool = False) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    click_mask = np.arange(3) < rng.integers(0, 4, SEARCH_MASK.shape)[..., None]
    click_mask &= SEARCH_MASK[..., None]
    click_mask[4, :2] = [[False] * 3, [True] * 3]
    sources = rng.integers(0 if closed else 1, ROWS.sources, SEARCH_MASK.shape) * SEARCH_MASK
    return {
        "queries": rng.normal(size=(*SEARCH_MASK.shape, D)),
        "clicks": rng.normal(size=(*SHAPE, D)),
        "click_mask": click_mask,
        "sources": sources.astype(np.int32),
    }


@pytest.mark.parametrize(("closed", "rows"), [(False, 5), (True, 3)])
def test_as_a_layer(closed: bool, rows: int) -> None:
    sessions = draw_sessions(0)
    inputs = {
        name: array.astype(np.float32) if array.dtype == float else array
        for name, array in sessions.items()
    }
    layer = SearchEvent(3, D, closed, initialization=0.5)
    run_layer_test(layer, (None,), inputs, {"sources/table": (rows, D)})


@pytest.mark.parametrize(("closed", "expected"), [(False, [11, 12, 13]), (True, [111, 111, 211])])
def test_query_clicks_and_source_add_up(closed: bool, expected: list[int]) -> None:
    # Query 1; clicks 4 and 16 average to 10; sources 0 (none), 1 (unknown) and 3.
    layer = SearchEvent(2, 1, closed)
    layer.build()
    table = [[100.0], [200.0]] if closed else [[9.0], [1.0], [9.0], [2.0]]
    layer.source_embedding.table.assign(table)
    clicks = np.array([4.0, 16.0, 7.0])[:, None] * np.ones((1, 3, 3, 1))
    found = layer(
        np.ones((1, 3, 1)),
        clicks,
        np.array([True, True, False]) & np.ones((1, 3, 1), bool),
        np.array([[0, 1, 3]]),
    )
    np.testing.assert_array_equal(found[0, :, 0], expected)


def test_closed_without_sources_has_one_vector_for_all() -> None:
    # Amazon logs no sources: one shared vector joins every query.
    layer = SearchEvent(0, 2, closed=True)
    layer.build()
    assert layer.source_embedding.rows == 1
    zeros = np.zeros((1, 2, 2))
    found = layer(zeros, zeros[:, :, None], np.zeros((1, 2, 1), bool), np.array([[0, 2]]))
    np.testing.assert_array_equal(found[0, 0], layer.source_embedding.table[0])
    np.testing.assert_array_equal(found[0, 1], layer.source_embedding.table[0])


@pytest.mark.parametrize("closed", [False, True])
def test_agrees_with_the_reference(closed: bool) -> None:
    sessions = draw_sessions(3, closed)
    table = draw_parameters(np.random.default_rng(3), closed_tables=closed).embedding.source
    inputs = {name: sessions[name] for name in ("queries", "clicks")}
    sources, click_mask = sessions["sources"], sessions["click_mask"]
    # In closed tables 0 is a source of its own here, and index 2 there.
    indices = sources + 2 if closed else sources

    def make(dtype: str) -> SearchEvent:
        layer = SearchEvent(known(ROWS.sources, not closed, not closed), D, closed, dtype=dtype)
        layer.build()
        return layer

    def expected() -> list[np.ndarray]:
        clicks = reference.mean_of_clicks(inputs["clicks"], click_mask)
        vectors = reference.lookup(table, sources, not closed)
        positions = np.zeros((SHAPE[1], D))
        return [reference.search_inputs(inputs["queries"], clicks, positions, vectors)]

    assert_agreement(
        make,
        lambda layer, x: [layer(x["queries"], x["clicks"], click_mask, indices)],
        expected,
        inputs,
        {"sources/table": table},
        dict,
    )
