"""The batches of a validation or test split, with their frozen candidates."""

from __future__ import annotations

import tensorflow as tf

from sesrec_tf.data.batches import parse_batch
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import HistoryShape


def evaluation_batches(
    prepared: PreparedDataset, split: str, history: HistoryShape, batch_size: int = 256
) -> tf.data.Dataset:
    """All instances of a split in (user, event) order, see `parse_batch`.

    Args:
        prepared: the data set.
        split: `valid` or `test`.
        history: widths of the batches.
        batch_size: users a batch; the last one may be smaller.
    """
    stored, candidates = prepared.history, 1 + int(prepared.info["negatives"]["number"])
    files = tf.data.Dataset.from_tensor_slices(prepared.record_files(split))
    return (
        files.flat_map(tf.data.TFRecordDataset)
        .apply(tf.data.experimental.assert_cardinality(prepared.instances(split)))
        .batch(batch_size)
        .map(
            lambda records: parse_batch(records, stored, history, candidates),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )
