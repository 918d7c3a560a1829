"""Dropout whose draws are a function of (seed, step), so that a resumed run repeats them."""

from __future__ import annotations

import zlib
from typing import Any

import keras
import tensorflow as tf

Tensor = Any

_DRAWS = 1 << 16
"""Different draws; what is dropped is the rate to within half of one in as many."""


@keras.saving.register_keras_serializable("sesrec_tf")
class SeededDropout(keras.layers.Layer):
    """Inverted dropout with stateless draws.

    Keras' own dropout advances a hidden generator; here the caller passes the seed of the step,
    to which the layer adds its own path, and under a strategy the replica's number.

    Args:
        rate: probability that an element is zeroed.
    """

    def __init__(self, rate: float, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if not 0 <= rate < 1:
            raise ValueError(f"`rate` should be in [0, 1). Received: {rate}.")
        self.rate = rate

    def build(self, input_shape: Any) -> None:
        del input_shape

    def call(self, inputs: Tensor, training: bool = False, seed: Tensor | None = None) -> Tensor:
        """Drops elements of `inputs` in training.

        Args:
            inputs: float tensor of any shape.
            training: whether to drop.
            seed: int32 `[2]`, (seed, step); needed when dropping.

        Raises:
            ValueError: if a seed is needed and none is given.
        """
        if not training or self.rate == 0:
            return inputs
        if seed is None:
            raise ValueError(
                f"`{self.name}` drops with rate {self.rate} in training and needs `seed`, an "
                "int32 [2] tensor (seed, step). Received: None."
            )
        draws = self._draw(tf.shape(inputs), seed)
        dropped = min(round(self.rate * _DRAWS), _DRAWS - 1)
        kept = tf.cast(draws >= dropped, inputs.dtype)
        return inputs * (kept * tf.constant(1.0 / (1.0 - self.rate), inputs.dtype))

    def _draw(self, shape: Tensor, seed: Tensor) -> Tensor:
        """uint16 of a shape, two out of each 32 random bits."""
        size = tf.reduce_prod(shape)
        bits = tf.random.stateless_uniform(
            [(size + 1) // 2], seed + self._salt(), None, None, tf.uint32
        )
        return tf.reshape(tf.reshape(tf.bitcast(bits, tf.uint16), [-1])[:size], shape)

    def _salt(self) -> Tensor:
        """Keeps the draws of different layers and replicas apart."""
        context = tf.distribute.get_replica_context()
        replica = 0 if context is None else context.replica_id_in_sync_group
        path = zlib.crc32(self.path.encode()) & 0x3FFFFFFF
        return tf.stack([tf.cast(replica, tf.int32) * 1_000_003 + path, 0])

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "rate": self.rate}
