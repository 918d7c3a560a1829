"""Histories with gaps closed up, and what is known of their events put back in place."""

from __future__ import annotations

import tensorflow as tf


def left_align(values: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """Valid events first, in their order, then padding.

    Args:
        values: int32 `[B, T, ...]`.
        valid: bool `[B, T]`.
    """
    return tf.gather(_where(valid, values), _events_first(valid), batch_dims=1)


def as_requested(values: tf.Tensor, valid: tf.Tensor) -> tf.Tensor:
    """What is known of aligned events, at the places where the request holds them.

    Args:
        values: `[B, T, ...]` of a history that `left_align` made, perhaps padded on the right.
        valid: bool `[B, T']`, places of the request.

    Returns:
        `[B, T', ...]`, 0 where the request holds no event.
    """
    places = tf.argsort(_events_first(valid), axis=1)
    return _where(valid, tf.gather(values, places, batch_dims=1))


def _events_first(valid: tf.Tensor) -> tf.Tensor:
    """int32 `[B, T]`: places of the valid events in their order, then the others."""
    return tf.argsort(tf.cast(~valid, tf.int32), axis=1, stable=True)


def _where(valid: tf.Tensor, values: tf.Tensor) -> tf.Tensor:
    """The values `[B, T, ...]` at valid places `[B, T]`, 0 elsewhere."""
    shape = tf.concat([tf.shape(valid), tf.ones([tf.rank(values) - 2], tf.int32)], axis=0)
    return tf.where(tf.reshape(valid, shape), values, tf.zeros([], values.dtype))
