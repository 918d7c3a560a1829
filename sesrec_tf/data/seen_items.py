"""The items that a history holds."""

from __future__ import annotations

import tensorflow as tf

from sesrec_tf.schema import CLICKED_ITEMS, REC_ITEMS


def seen_items(batch: dict[str, tf.Tensor]) -> tf.Tensor:
    """Feed items and clicks of a batch, int32 `[B, T_r + T_s C]`, padding among them."""
    clicks = batch[CLICKED_ITEMS]
    width = clicks.shape[1] * clicks.shape[2]
    return tf.concat([batch[REC_ITEMS], tf.reshape(clicks, [-1, width])], axis=1)
