"""Optimisers by name."""

from __future__ import annotations

import pytest

from sesrec_tf.config import TrainingConfig
from sesrec_tf.training.adam import Adam
from sesrec_tf.training.lazy_adam import LazyAdam
from sesrec_tf.training.loss_scale_optimizer import LossScaleOptimizer
from sesrec_tf.training.optimizers import make_optimizer


@pytest.mark.parametrize(("name", "expected"), [("adam", Adam), ("lazy_adam", LazyAdam)])
def test_settings_reach_the_optimizer(name: str, expected: type[Adam]) -> None:
    config = TrainingConfig(optimizer=name, learning_rate=0.02, weight_decay=0.3, epsilon=1e-6)
    optimizer = make_optimizer(config)
    assert type(optimizer) is expected
    assert float(optimizer.learning_rate) == pytest.approx(0.02)
    assert (optimizer.l2, optimizer.epsilon) == (0.3, 1e-6)
    # Not Keras' own, which is decoupled.
    assert optimizer.weight_decay is None


def test_only_float16_has_its_loss_scaled() -> None:
    optimizer = make_optimizer(TrainingConfig(mixed_precision="mixed_float16", weight_decay=0.3))
    assert type(optimizer) is LossScaleOptimizer
    assert type(optimizer.inner_optimizer) is Adam
    assert optimizer.inner_optimizer.l2 == 0.3
    assert type(make_optimizer(TrainingConfig(mixed_precision="mixed_bfloat16"))) is Adam
