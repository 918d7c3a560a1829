"""Gradients of tables, of which a step uses few rows."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

Tensor = Any


def summed_rows(gradient: tf.IndexedSlices) -> tuple[Tensor, Tensor]:
    """The rows of a gradient, each once, and the sums of what it holds for them.

    So that what is written afterwards does not depend on the order in which threads write.

    Returns:
        int `[U]` and float `[U, width]`.
    """
    rows, positions = tf.unique(gradient.indices)
    return rows, tf.math.unsorted_segment_sum(gradient.values, positions, tf.shape(rows)[0])
