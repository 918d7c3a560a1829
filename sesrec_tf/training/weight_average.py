"""A moving average of a model's weights, taken once an epoch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import tensorflow as tf


class WeightAverage:
    """Exponential moving average of the trainable weights at the ends of epochs.

    After epoch `t`, counted from 1, `w̄ ← w̄ + (1 − δ)/(1 − δᵗ) · (w − w̄)`, which is the moving
    average of decay `δ` without the pull of its starting value. Taken once an epoch, and not once
    a step as by Keras' optimisers, because a step should touch only the table rows it uses. With
    `δ = 0` there is no average, and nothing is held.

    Args:
        model: a built model; the average starts as a copy of its weights.
        decay: `δ`, in [0, 1).
    """

    def __init__(self, model: keras.Model, decay: float) -> None:
        self._decay = decay
        self._weights = model.trainable_variables if decay else []
        self.variables = [
            tf.Variable(keras.ops.convert_to_numpy(weight), trainable=False)
            for weight in self._weights
        ]

    def update(self, epoch: int) -> None:
        """Takes in the model's weights at the end of an epoch, counted from 1."""
        rate = (1 - self._decay) / (1 - self._decay**epoch)
        for average, weight in zip(self.variables, self._weights, strict=True):
            value = tf.convert_to_tensor(keras.ops.convert_to_numpy(weight))
            average.assign_add(tf.cast(rate, value.dtype) * (value - average))

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Within it, the model has the average as its weights; afterwards its own again."""
        own = [keras.ops.convert_to_numpy(weight) for weight in self._weights]
        try:
            for average, weight in zip(self.variables, self._weights, strict=True):
                weight.assign(average.numpy())
            yield
        finally:
            for value, weight in zip(own, self._weights, strict=True):
                weight.assign(value)
