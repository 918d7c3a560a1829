"""Dot-product attention over a padded history, with a gradient in few passes."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sesrec_tf.layers.masking import at_least_float32, lowest

Tensor = Any


def masked_attention(query: Tensor, key: Tensor, value: Tensor, mask: Tensor) -> Tensor:
    """`softmax(q kᵀ) v` over the valid events; zeros where none is valid.

    The gradient keeps the weights alone, and passes over them twice where TensorFlow's own
    softmax would four times: `Σ_j ∂a_j a_j` is `∂c · c`, which is smaller. It has no second
    derivative.

    Args:
        query, key, value: float `[B, H, T, s]`, the query scaled.
        mask: bool `[B, T]`.

    Returns:
        `[B, H, T, s]`.
    """
    dtype = tf.float64 if query.dtype == tf.float64 else tf.float32
    # Of the mask's own shape: the scores, which are larger, are passed over once.
    bias = (tf.cast(~mask, dtype) * lowest(dtype))[:, None, None, :]

    @tf.custom_gradient
    def attend(query: Tensor, key: Tensor, value: Tensor) -> Any:
        scores = at_least_float32(tf.matmul(query, key, transpose_b=True))
        weights = tf.nn.softmax(scores + bias)
        used = tf.cast(weights, value.dtype)
        context = tf.matmul(used, value)

        def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
            by_weights = at_least_float32(tf.matmul(upstream, value, transpose_b=True))
            product = at_least_float32(upstream) * at_least_float32(context)
            mean = tf.reduce_sum(product, axis=-1, keepdims=True)
            by_scores = tf.cast(weights * (by_weights - mean), query.dtype)
            return (
                tf.matmul(by_scores, key),
                tf.matmul(by_scores, query, transpose_a=True),
                tf.matmul(used, upstream, transpose_a=True),
            )

        return context, gradient

    any_valid = tf.reduce_any(mask, axis=-1)[:, None, None, None]
    return attend(query, key, value) * tf.cast(any_valid, query.dtype)
