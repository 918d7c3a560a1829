"""The ceiling of the demo world: candidates scored by the true probability of being next."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import FIRST_KNOWN


class DemoOracle:
    """Scores candidates by what really drew the next item, hidden interests included.

    No model that sees logs only can do better on average. Frozen candidates are items that the
    user has neither seen nor clicked, so the product of intensity and weight is the probability.
    The unknown item scores 0, as for the other reference rankers.

    Args:
        truth: of the simulated logs.
        item_ids: raw ids; element n has index n + 2.
    """

    def __init__(self, truth: DemoTruth, item_ids: list[str]) -> None:
        self._intensity = truth.topic_intensity
        items = truth.items.set_index("item_id").reindex(pd.Index(item_ids))
        unknown = np.zeros(FIRST_KNOWN)
        self._topic = np.concatenate([unknown, items["topic"]]).astype(np.int64)
        self._weight = np.concatenate([unknown, items["weight"]])

    @classmethod
    def from_dataset(cls, prepared: PreparedDataset) -> DemoOracle:
        """From the truth beside a prepared data set.

        Raises:
            InputError: if the data set is not a simulated one.
        """
        return cls(DemoTruth.read(prepared.path), prepared.vocabulary("items"))

    def score(self, instances: npt.ArrayLike, candidates: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Scores candidates.

        Args:
            instances: `[N]`, the `instance` of each record.
            candidates: `[N, K]` item indices.

        Returns:
            `[N, K]` float64 probabilities.
        """
        rows, items = np.asarray(instances, np.int64)[:, None], np.asarray(candidates)
        return self._intensity[rows, self._topic[items]] * self._weight[items]
