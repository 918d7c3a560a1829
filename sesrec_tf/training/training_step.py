"""One update of a model under a distribution strategy, as a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

Tensor = Any


def training_step(
    model: keras.Model, strategy: tf.distribute.Strategy
) -> Callable[[Any], dict[str, Tensor]]:
    """A function that updates the model once on an iterator's next batch.

    Not Keras' own, whose reduction over several workers takes no scalars.

    Args:
        model: a compiled model, made in the strategy's scope.
        strategy: where to compute.

    Returns:
        A function from an iterator over (features, labels) of the global batch, distributed by
        the strategy, to the batch's loss terms by name, scalars.
    """

    def replica_step(batch: Any) -> dict[str, Any]:
        for metric in model.metrics:
            metric.reset_state()
        return model.train_step(batch)

    @tf.function(reduce_retracing=True)
    def step(batches: Any) -> dict[str, Any]:
        logs = strategy.run(replica_step, args=(next(batches),))
        return {name: strategy.reduce("MEAN", value, axis=None) for name, value in logs.items()}

    return step
