from __future__ import annotations

import keras
import numpy as np
import pytest

from sesrec_tf.training import l2_term as module
from sesrec_tf.training.l2_term import l2_term


def test_by_hand() -> None:
    # ½ · 0.1 · (3² + 4² + 2²) = 0.05 · 29.
    variables = [keras.Variable([[3.0, 0.0], [0.0, 4.0]]), keras.Variable(2.0)]
    assert l2_term(variables, 0.1) == pytest.approx(1.45)


def test_nothing_to_decay() -> None:
    assert l2_term([], 0.1) == 0.0
    assert l2_term([keras.Variable([3.0])], 0.0) == 0.0


@pytest.mark.parametrize("rows", [1, 6, 7, 8])
def test_batches_cover_every_row_once(rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "BATCH_ROWS", 7)
    table = np.random.default_rng(rows).normal(size=(3 * rows, 2)).astype(np.float32)
    expected = 0.25 * np.square(table.astype(np.float64)).sum()
    assert l2_term([keras.Variable(table)], 0.5) == pytest.approx(expected, rel=1e-12)


def test_a_long_table_is_not_rounded_away() -> None:
    # In float32, a sum near 2²⁴ no longer moves by 1.
    table = keras.Variable(np.concatenate([[4096.0], np.ones(200_000)]).astype(np.float32))
    assert l2_term([table], 2.0) == 2**24 + 200_000


def test_its_slope_is_what_the_optimiser_adds() -> None:
    weight, values = 0.3, np.array([0.5, -2.0])
    step = np.array([1e-3, 0.0])
    up, down = (l2_term([keras.Variable(values + s)], weight) for s in (step, -step))
    assert (up - down) / 2e-3 == pytest.approx(weight * 0.5, rel=1e-3)
