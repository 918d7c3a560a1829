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
    times and keep most of what they find. Here everything that the gradient needs of the pairs is
    computed with the value, in nine passes, and one matrix is kept:

        ∂/∂(a_i · n_j) = p_ij (1 − s_ij²) / τ,  ∂/∂τ = −Σ_j p_ij s_ij / τ²

    with `s = tanh(a · n)` and `p = softmax(s / τ)`. The factors of a row go into the anchors, which
    are smaller. It has no second derivative.

    Args:
        anchors: float `[U, d]`.
        negatives: float `[N, d]`.
        temperature: τ, a scalar in at least float32.

    Returns:
        `[U]` in the dtype of τ.
    """
    similarities = tf.tanh(at_least_float32(tf.matmul(anchors, negatives, transpose_b=True)))
    shares = tf.nn.softmax(similarities * (1 / temperature))
    # The largest share is one over the sum of the exponentials relative to the largest.
    largest = tf.reduce_max(similarities, axis=-1) / temperature
    normalisers = largest - tf.math.log(tf.reduce_max(shares, axis=-1))
    expected = tf.reduce_sum(shares * similarities, axis=-1)
    slopes = tf.raw_ops.TanhGrad(y=similarities, dy=shares)

    def gradient(upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        factors = upstream / temperature
        by_row = factors[:, None]
        # In the dtype of the slopes: in half precision most shares vanish and a scaled factor of
        # many pairs overflows, each by itself.
        wide_anchors, wide_negatives = (tf.cast(x, slopes.dtype) for x in (anchors, negatives))
        by_anchors = by_row * tf.matmul(slopes, wide_negatives)
        by_negatives = tf.matmul(slopes, by_row * wide_anchors, transpose_a=True)
        by_temperature = -tf.reduce_sum(factors * expected) / temperature
        return (
            tf.cast(by_anchors, anchors.dtype),
            tf.cast(by_negatives, negatives.dtype),
            by_temperature,
        )

    return normalisers, gradient
