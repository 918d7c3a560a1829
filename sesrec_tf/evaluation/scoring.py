"""Scoring the frozen candidates of a split: each history is encoded once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, HistoryShape

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class ScoredSplit:
    """Logits of a split with the features they belong to.

    Attributes:
        logits: float32 `[N, 1 + negatives]`, the positive in column 0.
        features: every feature of the records, `[N, …]`, see `parse_batch`.
    """

    logits: Array
    features: dict[str, Array]


class SplitScorer:
    """Scores a split again and again, tracing the model and the parsing of records once.

    Args:
        model: what to score with.
        prepared: the data set.
        history: widths of the batches.
        batch_size: users a batch.
    """

    def __init__(
        self,
        model: RankingModel,
        prepared: PreparedDataset,
        history: HistoryShape,
        batch_size: int = 256,
    ) -> None:
        self._prepared = prepared
        self._history = history
        self._batch_size = batch_size
        self._batches: dict[str, tf.data.Dataset] = {}
        parts = 1 if tf.config.get_visible_devices("GPU") else 2
        self._score = tf.function(
            lambda features: tf.concat(
                [model(part, training=False) for part in _divided(features, parts)], axis=0
            ),
            reduce_retracing=True,
        )

    def __call__(
        self, split: str, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
    ) -> ScoredSplit:
        """Scores `valid` or `test`; `progress` may wrap the iteration over batches.

        Raises:
            InputError: if a record file is damaged.
        """
        if split not in self._batches:
            self._batches[split] = evaluation_batches(
                self._prepared, split, self._history, self._batch_size
            )
        batches = self._batches[split]
        logits, features = [], []
        with records_checked(self._prepared, split):
            for batch in progress(batches):
                logits.append(self._score(batch).numpy())
                features.append({name: value.numpy() for name, value in batch.items()})
        return ScoredSplit(np.concatenate(logits), stack(features))


def _divided(features: dict[str, Any], parts: int) -> list[dict[str, Any]]:
    """Consecutive parts of a batch, which a CPU's cores can score side by side."""
    size = tf.shape(features[CANDIDATES])[0]
    bounds = [size * number // parts for number in range(parts + 1)]
    return [
        {name: value[begin:end] for name, value in features.items()}
        for begin, end in pairwise(bounds)
    ]


def read_split(prepared: PreparedDataset, split: str, history: HistoryShape) -> dict[str, Array]:
    """Every feature of a split as arrays, for rankers that need no model.

    Raises:
        InputError: if a record file is damaged.
    """
    batches = evaluation_batches(prepared, split, history, batch_size=4096)
    with records_checked(prepared, split):
        return stack([{k: v.numpy() for k, v in batch.items()} for batch in batches])


def stack(batches: list[dict[str, Array]]) -> dict[str, Array]:
    """Concatenates batches feature by feature."""
    return {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
