"""Retrieving and ranking, compared with ranking the whole catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import tensorflow as tf

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.seen_items import seen_items
from sesrec_tf.evaluation.ranking_metrics import METRICS, RankingMetrics, mean_metrics
from sesrec_tf.evaluation.retrieval_progress import Track, untracked
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import CANDIDATES, FIRST_KNOWN, PADDING, USER, HistoryShape, batch_shapes
from sesrec_tf.signatures import PADDED_SCORE
from sesrec_tf.two_stages import TwoStages

Array = npt.NDArray[Any]
Tensor = Any

_USERS_AT_ONCE = 32
_ITEMS_AT_ONCE = 512


@dataclass(frozen=True)
class StageComparison:
    """Rankings of all known items but those of the user's history.

    Attributes:
        instances: how many.
        retrieved: share of them whose positive is among the `N` retrieved items.
        retrieval, two_stages, whole: metrics of the positive's rank, by name, in the order of
            the index, by the model among what the index retrieved, and by the model among all
            items; a positive that cannot be recommended, or was not retrieved, gains 0.
        two_stages_seconds, whole_seconds: wall time of either, tracing not counted.
    """

    instances: int
    retrieved: float
    retrieval: dict[str, float]
    two_stages: dict[str, float]
    whole: dict[str, float]
    two_stages_seconds: float
    whole_seconds: float


def sample_instances(
    prepared: PreparedDataset, split: str, history: HistoryShape, number: int, seed: int
) -> dict[str, Array]:
    """Features of `number` instances drawn without replacement, or of all if there are fewer."""
    features = read_split(prepared, split, history)
    total = len(features[CANDIDATES])
    drawn = np.random.default_rng(seed).permutation(total)[:number]
    return {name: values[np.sort(drawn)] for name, values in features.items()}


def compare_stages(
    model: RankingModel,
    two_stages: TwoStages,
    features: dict[str, Array],
    history: HistoryShape,
    items: int,
    track: Track = untracked,
) -> StageComparison:
    """Ranks the positive of every instance both ways.

    Args:
        model: scores the whole catalogue.
        two_stages: the two stages, of the same model.
        features: of the instances, see `sample_instances`.
        history: widths of a batch.
        items: number of known items.
        track: told of every batch.
    """
    rank_batch = _BatchRanker(model, two_stages, history, items)
    parts: list[tuple[pd.DataFrame, ...]] = []
    seconds = np.zeros(2)
    total = len(features[CANDIDATES])
    starts = range(0, total, _USERS_AT_ONCE)
    for start in track(starts, "ranking the whole catalogue", len(starts)):
        rows = slice(start, start + _USERS_AT_ONCE)
        batch = {name: tf.constant(features[name][rows]) for name in rank_batch.specs}
        if start == 0:
            # Traces, which is not to be counted.
            rank_batch(batch, features[CANDIDATES][rows, 0])
        tables, times = rank_batch(batch, features[CANDIDATES][rows, 0])
        parts.append(tables)
        seconds += times
    by_head, by_stages, whole = (
        pd.concat(column, ignore_index=True) for column in zip(*parts, strict=True)
    )
    return StageComparison(
        instances=total,
        retrieved=float(by_stages["found"].mean()),
        retrieval=mean_metrics(by_head),
        two_stages=mean_metrics(by_stages),
        whole=mean_metrics(whole),
        two_stages_seconds=float(seconds[0]),
        whole_seconds=float(seconds[1]),
    )


class _BatchRanker:
    """Ranks by the index, by both stages and by the model alone."""

    def __init__(
        self,
        model: RankingModel,
        two_stages: TwoStages,
        history: HistoryShape,
        items: int,
    ) -> None:
        self.specs = {
            name: tf.TensorSpec((None, *dims), tf.int32)
            for name, dims in batch_shapes(history).items()
            if name != CANDIDATES
        }
        self._ids = np.arange(items, dtype=np.int32) + FIRST_KNOWN
        # One trace for all sizes of a batch.
        self._ranked = tf.function(
            lambda batch: two_stages.ranked(batch, seen_items(batch)), [self.specs]
        )
        self._score_all = tf.function(_catalogue_scores(model, self._ids), [self.specs])

    def __call__(
        self, batch: dict[str, Tensor], positives: Array
    ) -> tuple[tuple[pd.DataFrame, ...], Array]:
        """Three tables of `_rank`, and the seconds of both stages and of the model alone."""
        begun = time.perf_counter()
        items, logits = (value.numpy() for value in self._ranked(batch))
        between = time.perf_counter()
        every = self._score_all(batch).numpy()
        seconds = np.array([between - begun, time.perf_counter() - between])
        order = np.broadcast_to(-np.arange(items.shape[1], dtype=np.float32), items.shape)
        ids = np.broadcast_to(self._ids, every.shape)
        seen = seen_items(batch).numpy()
        rankings = ((items, order), (items, logits), (ids, every))
        tables = tuple(_rank(values, scores, positives, seen) for values, scores in rankings)
        return tables, seconds


def _catalogue_scores(model: RankingModel, ids: Array) -> Callable[[dict[str, Tensor]], Tensor]:
    """A function of a batch to the logits float32 `[B, I]` of all items, encoding it once."""
    chunks = -(-len(ids) // _ITEMS_AT_ONCE)
    padded = np.pad(ids, (0, chunks * _ITEMS_AT_ONCE - len(ids)), constant_values=PADDING)

    def scores(batch: dict[str, Tensor]) -> Tensor:
        state = model.encode(batch, training=False)
        users = tf.shape(batch[USER])[0]

        def score(chunk: Tensor) -> Tensor:
            candidates = tf.tile(chunk[None], [users, 1])
            return tf.cast(model.score(state, candidates, training=False), tf.float32)

        # One at a time: together they would not fit into memory.
        logits = tf.map_fn(
            score,
            tf.constant(padded.reshape(chunks, _ITEMS_AT_ONCE)),
            parallel_iterations=1,
            fn_output_signature=tf.float32,
        )
        return tf.reshape(tf.transpose(logits, [1, 0, 2]), [users, -1])[:, : len(ids)]

    return scores


def _rank(items: Array, logits: Array, positives: Array, seen: Array) -> pd.DataFrame:
    """Metrics of each positive among the other items; all 0, and `found` false, if it is absent.

    Args:
        items: `[B, K]`, 0 at padding.
        logits: float32 `[B, K]`.
        positives: `[B]`.
        seen: `[B, S]`, items that do not count.
    """
    is_positive = items == positives[:, None]
    is_seen = (positives[:, None] == seen).any(axis=1)
    found = is_positive.any(axis=1) & ~is_seen
    own = np.where(is_positive, logits, PADDED_SCORE).max(axis=1, keepdims=True)
    hidden = is_positive | (items == PADDING)
    _hide_seen(hidden, items, seen)
    others = np.where(hidden, np.float32(PADDED_SCORE), logits)
    metrics = RankingMetrics().calc_per_instance(np.concatenate([own, others], axis=1))
    metrics.loc[~found, list(METRICS)] = 0.0
    return metrics.assign(found=found)


def _hide_seen(hidden: Array, items: Array, seen: Array) -> None:
    """Marks seen items in `hidden` `[B, K]`, one row at a time: `[B, K, S]` would be large."""
    for row in range(len(items)):
        hidden[row] |= np.isin(items[row], seen[row])
