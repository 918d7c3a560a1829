"""The popularity ranker: what every model has to beat first."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import FIRST_KNOWN


class PopularityRanker:
    """Scores a candidate by its number of training interactions, whatever the history.

    The unknown item scores 0: only a positive can be unknown, so the pooled count of unknown
    items would tell it from the negatives.

    Args:
        item_counts: `[items + 2]` training interactions by item index.
    """

    def __init__(self, item_counts: npt.ArrayLike) -> None:
        self.item_counts = np.array(item_counts, np.float64)
        self.item_counts[:FIRST_KNOWN] = 0.0

    @classmethod
    def from_dataset(cls, prepared: PreparedDataset) -> PopularityRanker:
        """From the training rows of a prepared data set."""
        return cls(prepared.item_counts)

    def score(
        self, rec_items: npt.ArrayLike, clicked_items: npt.ArrayLike, candidates: npt.ArrayLike
    ) -> npt.NDArray[np.float64]:
        """Scores candidates.

        Args:
            rec_items, clicked_items: not used; every reference ranker takes the same arguments.
            candidates: `[N, K]` item indices.

        Returns:
            `[N, K]` float64 scores.
        """
        return self.item_counts[np.asarray(candidates)]
