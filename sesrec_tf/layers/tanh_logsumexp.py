"""The normaliser of a contrastive loss over shared negatives, in few passes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from sesrec_tf.layers.masking import at_least_float32

Tensor = Any


@tf.custom_gradient
def tanh_logsumexp(
    anchors: Tensor, negatives: Tensor, temperature: Tensor
) -> tuple[Tensor, Callable[[Tensor], tuple[Tensor, Tensor, Tensor]]]:
    """`log Σ_j exp(tanh(a_i · n_j) / τ)` for every anchor.

    As composed of TensorFlow's own parts, value and gradient would pass over `[U, N]` some twenty
    times; this way it is half as many, and two such matrices are kept for the gradient. It has no
    second derivative.

    Args:
        anchors: float `[U, d]`.
        negatives: float `[N, d]`.
        temperature: τ, a scalar in at least float32.

    Returns:
        `[U]` in the dtype of τ.
    """
    similarities = tf.tanh(at_least_float32(tf.matmul(anchors, negatives, transpose_b=True)))
    shares = tf.nn.softmax(similarities / temperature)
    # The largest share is one over the sum of the exponentials relative to the largest.
    largest = tf.reduce_max(similarities, axis=-1) / temperature
    normalisers = largest - tf.math.log(tf.reduce_max(shares, axis=-1))

    def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        by_similarity = shares * (upstream / temperature)[:, None]
        by_temperature = -tf.reduce_sum(by_similarity * similarities) / temperature
        by_product = tf.cast(tf.raw_ops.TanhGrad(y=similarities, dy=by_similarity), anchors.dtype)
        return (
            tf.matmul(by_product, negatives),
            tf.matmul(by_product, anchors, transpose_a=True),
            by_temperature,
        )

    return normalisers, gradient
