"""Distinct ids of a batch, so that each is looked up and projected once."""

from __future__ import annotations

from typing import Any, NamedTuple

import tensorflow as tf

Tensor = Any


class DistinctRows(NamedTuple):
    """The different rows of a tensor, and where each of its own rows is among them.

    Attributes:
        rows: int `[U]` or `[U, …]`, in the order of their first appearance.
        places: int32, the number in `rows` of every row; of the tensor's shape.
    """

    rows: Tensor
    places: Tensor

    def spread(self, values: Tensor) -> Tensor:
        """`values` `[U, d]` of the distinct rows, `[…, d]` at the places of all rows."""
        return tf.gather(values, self.places)


def distinct_ids(ids: Tensor) -> DistinctRows:
    """Distinct values of int ids of any shape."""
    rows, places = tf.unique(tf.reshape(ids, [-1]))
    return DistinctRows(rows, tf.reshape(places, tf.shape(ids)))


def distinct_vectors(vectors: Tensor) -> DistinctRows:
    """Distinct vectors of int `[…, L]`."""
    flat = tf.reshape(vectors, [-1, vectors.shape[-1]])
    rows, places = tf.raw_ops.UniqueV2(x=flat, axis=[0])
    rows = tf.ensure_shape(rows, [None, vectors.shape[-1]])
    return DistinctRows(rows, tf.reshape(places, tf.shape(vectors)[:-1]))
