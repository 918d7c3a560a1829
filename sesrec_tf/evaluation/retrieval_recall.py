"""How often the positive is among the first items retrieved from the whole catalogue."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.retrieval_examples import RetrievalExamples
from sesrec_tf.evaluation.retrieval_progress import Track, untracked
from sesrec_tf.retrieval import RecallMetric, RetrievalIndex
from sesrec_tf.schema import FIRST_KNOWN

CUTOFFS = (50, 100, 500)
"""The k of every recall@k reported."""

_SCORES_AT_ONCE = 1 << 23
_LARGEST_BATCH = 256


def recall(
    index: RetrievalIndex,
    queries: npt.NDArray[np.float32],
    examples: RetrievalExamples,
    exclude_seen: bool = True,
    track: Track = untracked,
) -> dict[str, float]:
    """Recall of an index.

    Args:
        index: of the catalogue.
        queries: float32 `[n, r]`, of the examples' users.
        examples: their positives; one unknown to training counts as not found.
        exclude_seen: whether the items of a user's history are left out, as `recommend` does. A
            positive among them then counts as not found.
        track: told of every batch.

    Returns:
        `recall@k` for every k of `CUTOFFS`.
    """
    metric = RecallMetric(index, CUTOFFS)
    size = max(1, min(_LARGEST_BATCH, _SCORES_AT_ONCE // index.items))
    starts = range(0, len(examples), size)
    for start in track(starts, "recall", len(starts)):
        rows = slice(start, start + size)
        seen = examples.seen[rows] if exclude_seen else examples.seen[rows, :0]
        metric.update(
            tf.constant(queries[rows]),
            tf.constant(examples.positives[rows]),
            tf.constant(seen),
        )
    return metric.result()


def popularity_recall(
    prepared: PreparedDataset,
    examples: RetrievalExamples,
    exclude_seen: bool = True,
    track: Track = untracked,
) -> dict[str, float]:
    """Recall of the items with most training interactions, arguments as for `recall`."""
    counts = prepared.item_counts[FIRST_KNOWN:].astype(np.float32)
    ids = np.arange(len(counts), dtype=np.int32) + FIRST_KNOWN
    index = RetrievalIndex(counts[:, None], ids, max(CUTOFFS))
    queries = np.ones((len(examples), 1), np.float32)
    return recall(index, queries, examples, exclude_seen, track)
