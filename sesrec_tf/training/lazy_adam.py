"""Adam that touches only the table rows a step uses."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from sesrec_tf.training.adam import Adam
from sesrec_tf.training.sparse_gradient import summed_rows

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
        rows, values = summed_rows(gradient)
        dtype = tf.as_dtype(variable.dtype)
        old = tf.gather(variable, rows)
        values = tf.cast(values, dtype) + tf.constant(self.l2, dtype) * old
        momentum, velocity = self._moments_of(variable)
        beta_1, beta_2 = tf.constant(self.beta_1, dtype), tf.constant(self.beta_2, dtype)
        first = beta_1 * tf.gather(momentum, rows) + (1 - beta_1) * values
        second = beta_2 * tf.gather(velocity, rows) + (1 - beta_2) * tf.square(values)
        # The corrections go into the two scalars, not over the rows.
        powers = self._powers[dtype]
        rate = tf.cast(learning_rate, dtype) * powers.second_correction / powers.first_correction
        epsilon = tf.constant(self.epsilon, dtype) * powers.second_correction
        new = old - rate * first / (tf.sqrt(second) + epsilon)
        for target, value in ((momentum, first), (velocity, second), (variable, new)):
            tf.raw_ops.ResourceScatterUpdate(resource=target.handle, indices=rows, updates=value)
