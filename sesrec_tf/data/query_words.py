"""The one rule that splits a query into words, for preparation and for the serving graph.

Words are the longest runs of characters other than the ASCII space U+0020. Nothing else is
white space (a tab or an ideographic space is part of a word), and nothing is folded: case,
accents and composed forms stay as typed. The same rule splits lists of clicked ids.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    import tensorflow as tf

SEPARATOR = " "


def split_words(texts: pa.Array) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """Splits every text.

    Args:
        texts: `[N]` strings without nulls.

    Returns:
        Offsets `[N + 1]` and the words of all texts one after another, a `large_string` array:
        text n has the words from `offsets[n]` to `offsets[n + 1]`.
    """
    pieces = pc.split_pattern(texts.cast(pa.large_string()), SEPARATOR)
    flat = pc.list_flatten(pieces)
    # Neighbouring separators give empty pieces; none of them is a word.
    kept = pc.not_equal(flat, "")
    lengths = pc.list_value_length(pieces).to_numpy(zero_copy_only=False)
    kept_before = np.concatenate([[0], np.cumsum(kept.to_numpy(zero_copy_only=False))])
    ends = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return kept_before[ends].astype(np.int64), flat.filter(kept)


def split_words_in_graph(texts: tf.Tensor, max_words: int) -> tf.Tensor:
    """The same rule as a TensorFlow graph, first `max_words` words, padded with "".

    Args:
        texts: string tensor of any shape `[...]` of known rank; "" has no words.
        max_words: `L`.

    Returns:
        String tensor `[..., L]`.
    """
    import tensorflow as tf

    pieces = tf.strings.split(tf.reshape(texts, [-1]), sep=SEPARATOR)
    words = tf.ragged.boolean_mask(pieces, tf.not_equal(pieces, ""))
    dense = words[:, :max_words].to_tensor(default_value="", shape=[None, max_words])
    return tf.reshape(dense, tf.concat([tf.shape(texts), [max_words]], axis=0))
