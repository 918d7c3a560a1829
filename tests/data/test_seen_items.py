from __future__ import annotations

import numpy as np
import tensorflow as tf

from sesrec_tf.data.seen_items import seen_items
from sesrec_tf.schema import CLICKED_ITEMS, REC_ITEMS


def test_feed_items_then_clicks() -> None:
    batch = {
        REC_ITEMS: tf.constant([[7, 8, 0], [1, 0, 0]]),
        CLICKED_ITEMS: tf.constant([[[2, 3], [4, 0]], [[0, 0], [0, 0]]]),
    }
    expected = [[7, 8, 0, 2, 3, 4, 0], [1, 0, 0, 0, 0, 0, 0]]
    np.testing.assert_array_equal(seen_items(batch), expected)
