"""Loss scaling for float16 in which all replicas skip an overflowing update together."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

Tensor = Any


@keras.saving.register_keras_serializable("sesrec_tf")
class LossScaleOptimizer(keras.optimizers.LossScaleOptimizer):
    """Keras' loss scaling, but an overflow on any replica counts for all of them.

    Keras takes the first replica's word for the gradients being finite, as if they were reduced
    over the replicas already. They are reduced only afterwards, so that an overflow on another
    replica would reach the weights of every one.
    """

    def check_finite(self, grads: list[Any]) -> Tensor:
        """Whether every gradient is finite on every replica (called by Keras in each of them)."""
        finite = super().check_finite(grads)
        context = tf.distribute.get_replica_context()
        if context is None or context.num_replicas_in_sync == 1:
            return finite
        overflows = tf.cast(tf.logical_not(finite), tf.int32)
        return tf.equal(context.all_reduce(tf.distribute.ReduceOp.SUM, overflows), 0)
