"""The L2 term, which acts through the optimiser and is reported beside the losses."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import tensorflow as tf

BATCH_ROWS = 65_536


def l2_term(variables: Iterable[Any], weight: float) -> float:
    """`½ λ Σ θ²`, whose gradient `λθ` is what the optimisers add.

    The rows of a table are read in batches and summed in float64, so that a table of millions of
    rows is neither copied nor rounded away.

    Args:
        variables: Keras variables of any shape, the trainable ones of a model.
        weight: λ.
    """
    return weight * math.fsum(half for variable in variables for half in _half_squares(variable))


def _half_squares(variable: Any) -> Iterable[float]:
    """`½ Σ θ²` of each batch of rows."""
    if len(variable.shape) == 0:
        yield float(tf.nn.l2_loss(tf.cast(variable.value, tf.float64)))
        return
    for start in range(0, variable.shape[0], BATCH_ROWS):
        rows = tf.range(start, min(start + BATCH_ROWS, variable.shape[0]))
        yield float(tf.nn.l2_loss(tf.cast(tf.gather(variable.value, rows), tf.float64)))
