"""Similar and dissimilar events by a threshold on co-attention, equations (11)-(12)."""

from __future__ import annotations

from typing import Any

from keras import ops

Tensor = Any

# Uniform weights equal the mean threshold only up to rounding; this makes them deterministic.
TOLERANCE = 1e-6


def partition(
    weights: Tensor, mask: Tensor, threshold: str | float = "mean", strict: bool = False
) -> tuple[Tensor, Tensor]:
    """Splits a history into its similar and dissimilar events.

    An event of a history of n is similar if `a·n >= γ·n - 1e-6`, or if `strict`
    `a·n > γ·n + 1e-6`, so that rounding never splits equal weights. A set that would be empty
    becomes all valid events, as in the official code.

    Args:
        weights: co-attention `[B, T]`, 0 at padding.
        mask: bool `[B, T]`.
        threshold: γ: `mean` (1/n), `median`, or a constant.
        strict: as above.

    Returns:
        Two boolean masks `[B, T]`.
    """
    count = ops.sum(ops.cast(mask, "int32"), axis=-1, keepdims=True)
    gamma = _gamma(weights, mask, count, threshold)
    excess = (weights - gamma) * ops.cast(count, weights.dtype)
    above = excess > TOLERANCE if strict else excess >= -TOLERANCE
    similar = ops.logical_and(above, mask)
    dissimilar = ops.logical_and(ops.logical_not(above), mask)
    return _or_all(similar, mask), _or_all(dissimilar, mask)


def _or_all(selected: Tensor, mask: Tensor) -> Tensor:
    return ops.where(ops.any(selected, axis=-1, keepdims=True), selected, mask)


def _gamma(weights: Tensor, mask: Tensor, count: Tensor, threshold: str | float) -> Tensor:
    if not isinstance(threshold, str):
        return ops.full_like(weights[:, :1], threshold)
    if threshold == "mean":
        return 1 / ops.cast(ops.maximum(count, 1), weights.dtype)
    ordered = ops.sort(ops.where(mask, weights, ops.full_like(weights, 2.0)), axis=-1)
    lower = ops.take_along_axis(ordered, ops.maximum(count - 1, 0) // 2, axis=-1)
    upper = ops.take_along_axis(ordered, ops.minimum(count // 2, ordered.shape[-1] - 1), axis=-1)
    return (lower + upper) / 2
