"""Masked reductions over histories. Masks are boolean, True = valid."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

Tensor = Any


def masked_softmax(logits: Tensor, mask: Tensor) -> Tensor:
    """Softmax over the last axis restricted to `mask`; a row without valid entries gives zeros.

    Computed in at least float32 whatever the compute dtype, and with the dtype's lowest finite
    value rather than a constant that half precision could not hold.

    Args:
        logits: float `[..., T]`.
        mask: bool, broadcastable to `[..., T]`.

    Returns:
        Float `[..., T]`, float32 or wider.
    """
    logits = at_least_float32(logits)
    masked = ops.where(mask, logits, lowest(logits.dtype))
    return ops.softmax(masked, axis=-1) * ops.cast(mask, logits.dtype)


def lowest(dtype: Any) -> np.floating[Any]:
    """The lowest finite value of a float dtype, as a scalar of it."""
    name = keras.backend.standardize_dtype(dtype)
    return np.dtype(name).type(np.finfo(name).min)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of `values` `[..., T, d]` over the T axis where `mask` `[..., T]`; zeros if nowhere."""
    weights = ops.cast(mask, values.dtype)
    total = ops.sum(values * ops.expand_dims(weights, -1), axis=-2)
    count = ops.maximum(ops.sum(weights, axis=-1, keepdims=True), 1)
    return total / count


def at_least_float32(values: Tensor) -> Tensor:
    """`values` in float32, or unchanged if float64."""
    if keras.backend.standardize_dtype(values.dtype) == "float64":
        return values
    return ops.cast(values, "float32")
