"""A model, or a reference ranker, evaluated on a split."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.bounds import check_bounds
from sesrec_tf.evaluation.item_knn import ItemKnnRanker
from sesrec_tf.evaluation.popularity import PopularityRanker
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics, mean_metrics
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.evaluation.segments import POSITIVE
from sesrec_tf.files import new_file
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    EARLIER_INTERACTIONS,
    EARLIER_SEARCHES,
    INSTANCE,
    REC_ITEMS,
    UNKNOWN,
    USER,
    HistoryShape,
)

Array = npt.NDArray[Any]

REFERENCE_RANKERS: dict[str, Callable[[PreparedDataset], PopularityRanker | ItemKnnRanker]] = {
    "popularity": PopularityRanker.from_dataset,
    "item-kNN (feed)": ItemKnnRanker.from_dataset,
    "item-kNN (feed + search)": lambda prepared: ItemKnnRanker.from_dataset(
        prepared, search_clicks=True
    ),
}


@dataclass(frozen=True)
class Evaluation:
    """Metrics of one system on one split.

    Attributes:
        per_instance: one row an instance: `instance`, `user`, `positive`, history counts, and
            the columns of `RankingMetrics.calc_per_instance`.
        metrics: means, by name.
    """

    per_instance: pd.DataFrame
    metrics: dict[str, float]

    @classmethod
    def of(cls, logits: Array, features: dict[str, Array]) -> Evaluation:
        """From logits `[N, K]`, the positive in column 0, and the records' features.

        Raises:
            InputError: for logits that are not finite.
            MetricBoundsError: if the means are arithmetically impossible.
        """
        identity = {
            name: features[name]
            for name in (INSTANCE, USER, EARLIER_INTERACTIONS, EARLIER_SEARCHES)
        }
        per_instance = pd.concat(
            [
                pd.DataFrame({**identity, POSITIVE: features[CANDIDATES][:, 0]}),
                RankingMetrics().calc_per_instance(logits),
            ],
            axis=1,
        )
        metrics = mean_metrics(per_instance)
        check_bounds(metrics, logits.shape[1])
        return cls(per_instance, metrics)

    @property
    def unknown_positives(self) -> int:
        """Instances whose positive is unknown: rarer than `--min-count`, or new since training."""
        return int((self.per_instance[POSITIVE] == UNKNOWN).sum())

    def write(self, path: Path) -> None:
        """Writes the per-instance table as Parquet, by rename."""
        with new_file(path) as temporary:
            self.per_instance.to_parquet(temporary, index=False)


def evaluate_references(
    prepared: PreparedDataset, split: str, history: HistoryShape
) -> dict[str, Evaluation]:
    """Popularity and item-kNN on the same frozen candidates, by name."""
    features = read_split(prepared, split, history)
    arguments = (features[REC_ITEMS], features[CLICKED_ITEMS], features[CANDIDATES])
    return {
        name: Evaluation.of(make(prepared).score(*arguments), features)
        for name, make in REFERENCE_RANKERS.items()
    }
