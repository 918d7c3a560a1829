"""The instances of a split as a frozen ranking model encodes them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.data.batches import parse_batch
from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.seen_items import seen_items
from sesrec_tf.evaluation.retrieval_progress import Track, untracked
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, HistoryShape

BATCH_SIZE = 256


@dataclass(frozen=True)
class RetrievalExamples:
    """`n` instances, in the order of the records; 4 (P + 1 + S) bytes of memory for each.

    Attributes:
        users: `x_u` float32 `[n, P]`, see `RankingModel.pooled_user`.
        positives: int32 `[n]`, 1 for an item unknown to training.
        seen: int32 `[n, S]`, feed items and clicks of the history, as far as the model sees it.
    """

    users: npt.NDArray[np.float32]
    positives: npt.NDArray[np.int32]
    seen: npt.NDArray[np.int32]

    @classmethod
    def encode(
        cls,
        model: RankingModel,
        prepared: PreparedDataset,
        history: HistoryShape,
        split: str,
        track: Track = untracked,
    ) -> RetrievalExamples:
        """Encodes a split once; the model does not change any more.

        Args:
            model: with its trained weights.
            prepared: the data set.
            history: widths of the model's batches.
            split: one of `schema.SPLITS`.
            track: told of every batch.

        Raises:
            InputError: if a record file is damaged.
        """

        @tf.function(reduce_retracing=True)
        def encode(batch: dict[str, Any]) -> tuple[Any, Any, Any]:
            users = model.pooled_user(model.encode(batch, training=False))
            return tf.cast(users, tf.float32), batch[CANDIDATES][:, 0], seen_items(batch)

        batches = _batches(prepared, split, history)
        number = -(-prepared.instances(split) // BATCH_SIZE)
        with records_checked(prepared, split):
            columns = zip(
                *(
                    [value.numpy() for value in encode(batch)]
                    for batch in track(batches, f"encoding {split}", number)
                ),
                strict=True,
            )
            users, positives, seen = (np.concatenate(column) for column in columns)
        return cls(users, positives, seen)

    def __len__(self) -> int:
        return len(self.positives)


def _batches(prepared: PreparedDataset, split: str, history: HistoryShape) -> tf.data.Dataset:
    if split != "train":
        return evaluation_batches(prepared, split, history, BATCH_SIZE)
    stored = prepared.history
    files = tf.data.Dataset.from_tensor_slices(prepared.record_files(split))
    return (
        files.flat_map(tf.data.TFRecordDataset)
        .apply(tf.data.experimental.assert_cardinality(prepared.instances(split)))
        .batch(BATCH_SIZE)
        .map(
            lambda records: parse_batch(records, stored, history, candidates=1),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .prefetch(tf.data.AUTOTUNE)
    )
