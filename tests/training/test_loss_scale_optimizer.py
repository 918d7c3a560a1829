from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.training.adam import Adam
from sesrec_tf.training.lazy_adam import LazyAdam
from sesrec_tf.training.loss_scale_optimizer import LossScaleOptimizer
from sesrec_tf.training.strategy import choose_strategy
from tests.new_process import in_new_process

Found = dict[str, Any]


def two_replicas(overflowing: list[int | None]) -> list[Found]:
    """What stands after each step; in a step, the gradients of one replica or none overflow."""
    strategy = choose_strategy(2)
    with strategy.scope():
        variables = [keras.Variable([1.0, 2.0]), keras.Variable([[1.0], [2.0], [3.0]])]
        optimizer = LossScaleOptimizer(LazyAdam(0.125), initial_scale=8.0)
        optimizer.build(variables)

    def replica_step(overflows: tf.Tensor) -> None:
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        gradient = tf.where(replica == overflows, np.inf, 1.0)
        sparse = tf.IndexedSlices(tf.ones([1, 1]), tf.constant([1]), tf.constant([3, 1]))
        optimizer.apply([gradient * tf.ones(2), sparse])

    step = tf.function(lambda overflows: strategy.run(replica_step, (overflows,)))
    found = []
    for replica in overflowing:
        step(tf.constant(-1 if replica is None else replica))
        copies = [strategy.experimental_local_results(each.value) for each in variables]
        found.append(
            {
                "values": [[copy.numpy().ravel().tolist() for copy in each] for each in copies],
                "scale": float(optimizer.dynamic_scale.value.read_value()),
                "updates": int(optimizer.iterations.value.read_value()),
            }
        )
    return found


@pytest.mark.parametrize("overflowing", [0, 1])
def test_an_overflow_on_one_replica_skips_the_update_on_both(overflowing: int) -> None:
    """Adam's first update moves each weight by the rate, whatever the gradient's size.

    8 is halved by the overflow; the rows of a table that have no gradient stay.
    """
    skipped, updated = in_new_process(two_replicas, [overflowing, None])
    assert skipped["values"] == [[[1.0, 2.0]] * 2, [[1.0, 2.0, 3.0]] * 2]
    assert (skipped["scale"], skipped["updates"]) == (4.0, 0)
    for values, expected in zip(
        updated["values"], ([0.875, 1.875], [1.0, 1.875, 3.0]), strict=True
    ):
        assert values[0] == values[1] == pytest.approx(expected, abs=1e-6)
    assert (updated["scale"], updated["updates"]) == (4.0, 1)


def test_one_device() -> None:
    variable = keras.Variable([1.0])
    optimizer = LossScaleOptimizer(Adam(0.125), initial_scale=8.0)
    optimizer.build([variable])
    optimizer.apply([tf.constant([np.nan])])
    assert variable.numpy().tolist() == [1.0]
    optimizer.apply([tf.constant([4.0])])
    assert variable.numpy() == pytest.approx([0.875])


def test_serialisation() -> None:
    optimizer = LossScaleOptimizer(LazyAdam(0.125, l2=0.5), 64.0, dynamic_growth_steps=7)
    found = keras.optimizers.deserialize(keras.optimizers.serialize(optimizer))
    assert type(found) is LossScaleOptimizer
    assert found.get_config() == optimizer.get_config()
    assert type(found.inner_optimizer) is LazyAdam
    assert found.inner_optimizer.l2 == 0.5
