"""Initial values the official code uses and Keras does not name."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import keras

Initializer = Callable[..., Any]


def xavier_normal(fan_in: int, fan_out: int) -> Initializer:
    """Untruncated N(0, 2 / (fan_in + fan_out)); Keras' `glorot_normal` truncates."""
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / (fan_in + fan_out)))


def table_initializer(scheme: str | float, zero_first_row: bool) -> Initializer:
    """Initial values of an embedding table.

    Args:
        scheme: `glorot_normal` over the table's (rows, width), or a standard deviation.
        zero_first_row: whether row 0 is padding and starts, and by masking stays, at zero.
    """

    def initialize(shape: Sequence[int], dtype: str | None = None, **_: Any) -> Any:
        rows, width = shape
        if scheme == "glorot_normal":
            draw = xavier_normal(rows, width)
        else:
            draw = keras.initializers.RandomNormal(stddev=float(scheme))
        values = draw(shape, dtype=dtype)
        if not zero_first_row:
            return values
        return keras.ops.concatenate([keras.ops.zeros_like(values[:1]), values[1:]], axis=0)

    return initialize
