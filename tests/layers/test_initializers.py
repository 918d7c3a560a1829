"""Initial values."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sesrec_tf.layers.initializers import table_initializer, xavier_normal

SHAPE = (400, 100)


@pytest.fixture(autouse=True)
def _seed() -> None:
    keras.utils.set_random_seed(0)


def test_xavier_normal_is_not_truncated() -> None:
    # √(2 / (400 + 100)) = 0.06325; of 40,000 normal draws about 108 lie beyond 3 deviations,
    # where Keras' truncated `glorot_normal` has none.
    values = np.asarray(xavier_normal(*SHAPE)(SHAPE))
    assert values.std() == pytest.approx(0.06325, rel=0.02)
    assert values.mean() == pytest.approx(0, abs=0.002)
    assert 50 < (np.abs(values) > 3 * 0.06325).sum() < 200


@pytest.mark.parametrize(("scheme", "deviation"), [("glorot_normal", 0.06325), (0.5, 0.5)])
@pytest.mark.parametrize("zero_first_row", [True, False])
def test_tables(scheme: str | float, deviation: float, zero_first_row: bool) -> None:
    values = np.asarray(table_initializer(scheme, zero_first_row)(SHAPE, dtype="float32"))
    assert values.dtype == np.float32
    assert values[1:].std() == pytest.approx(deviation, rel=0.02)
    assert (not values[0].any()) == zero_first_row


def test_an_amazon_id_table_starts_at_its_published_scale() -> None:
    # Spec §1.7: 61,935 × 32 has √(2 / 61,967) ≈ 0.0057.
    values = np.asarray(table_initializer("glorot_normal", True)((61_935, 32)))
    assert values.std() == pytest.approx(0.00568, rel=0.01)
