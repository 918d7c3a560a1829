"""Adam that touches only the table rows a step uses."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.training.adam import Adam

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class LazyAdam(Adam):
    """`Adam`, but a sparse gradient moves only its own rows, their moments and their L2.

    Rows not looked up keep value and moments; the bias correction counts all steps. Duplicate
    rows are summed before anything is written, so that results do not depend on the order in
    which threads scatter.
    """

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Updates one variable (called by Keras)."""
        if not isinstance(gradient, tf.IndexedSlices):
            super().update_step(gradient, variable, learning_rate)
            return
        rows, positions = tf.unique(gradient.indices)
        values = tf.math.unsorted_segment_sum(gradient.values, positions, tf.shape(rows)[0])
        values = tf.cast(values, variable.dtype)
        old = tf.gather(variable, rows)
        values = values + tf.constant(self.l2, variable.dtype) * old
        momentum, velocity = self._moments_of(variable)
        beta_1, beta_2 = self._betas(variable)
        first = beta_1 * tf.gather(momentum, rows) + (1 - beta_1) * values
        second = beta_2 * tf.gather(velocity, rows) + (1 - beta_2) * tf.square(values)
        count = self._count(variable)
        step = first / (1 - tf.pow(beta_1, count))
        step /= tf.sqrt(second / (1 - tf.pow(beta_2, count))) + tf.constant(
            self.epsilon, variable.dtype
        )
        learning_rate = tf.cast(learning_rate, variable.dtype)
        for target, value in (
            (momentum, first),
            (velocity, second),
            (variable, old - learning_rate * step),
        ):
            tf.raw_ops.ResourceScatterUpdate(resource=target.handle, indices=rows, updates=value)
