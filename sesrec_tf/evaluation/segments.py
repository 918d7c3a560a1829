"""Metrics by segment of the instances."""

from __future__ import annotations

import itertools

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.schema import EARLIER_INTERACTIONS, EARLIER_SEARCHES, FIRST_KNOWN, USER

POSITIVE = "positive"
"""Column of per-instance tables: item index of the positive."""

BUCKET_STARTS = {
    "history": (0, 1, 3, 6, 11, 21, 51),
    "searches": (0, 1, 3, 6, 11, 21, 51),
    "popularity": (0, 1, 3, 6, 11, 21, 51, 101, 1001),
}
"""Least value of every bucket of each kind of segment."""

COLD_USERS = "cold users"
COLD_ITEMS = "cold items"
COLD_BOTH = "cold users and items"


class Segments:
    """Sorts instances into segments: by length of a history or popularity of the positive.

    Cold users (unknown, or without a training interaction) and cold items (an unknown positive)
    are segments of their own and in no bucket, so the segments are disjoint and complete.

    Args:
        item_counts: `[items + 2]` training interactions by item index.
        user_counts: `[users + 2]` training interactions by user index.
    """

    def __init__(
        self, item_counts: npt.NDArray[np.int64], user_counts: npt.NDArray[np.int64]
    ) -> None:
        self.item_counts = item_counts
        self.user_counts = user_counts

    @classmethod
    def from_dataset(cls, prepared: PreparedDataset) -> Segments:
        """With the counts of a prepared data set."""
        users = prepared.table("users")["count"].to_numpy(np.int64)
        return cls(prepared.item_counts, users)

    def metrics(self, per_instance: pd.DataFrame, by: str) -> pd.DataFrame:
        """Means of the six metrics per segment.

        Args:
            per_instance: the metric columns and, as indices or counts, `user`, `positive`,
                `earlier_interactions` and `earlier_searches`.
            by: `history` (earlier interactions), `searches` (earlier searches) or `popularity`
                (training interactions of the positive).

        Returns:
            `segment`, `instances` and the metrics; buckets in rising order, then the cold ones.
            Segments without an instance are left out.

        Raises:
            InputError: for another `by`, or a column that is absent.
        """
        labels, order = self._labels(per_instance, by)
        grouped = per_instance[list(METRICS)].astype(np.float64).groupby(labels)
        means, sizes = grouped.mean(), grouped.size()
        present = [label for label in order if label in means.index]
        table = means.loc[present].rename_axis("segment").reset_index()
        table.insert(1, "instances", sizes.loc[present].to_numpy(np.int64))
        return table

    def _labels(
        self, per_instance: pd.DataFrame, by: str
    ) -> tuple[npt.NDArray[np.object_], list[str]]:
        """The segment of every instance, and all segments in order."""
        if by not in BUCKET_STARTS:
            raise InputError(f"`by` should be one of {', '.join(BUCKET_STARTS)}. Received: {by!r}.")
        needed = {USER, POSITIVE, EARLIER_INTERACTIONS, EARLIER_SEARCHES, *METRICS}
        missing = sorted(needed - set(per_instance.columns))
        if missing:
            raise InputError(
                f"the per-instance table lacks {', '.join(missing)}. Received the columns "
                f"{', '.join(map(str, per_instance.columns))}. Evaluate the run again."
            )
        positive = per_instance[POSITIVE].to_numpy(np.int64)
        user = per_instance[USER].to_numpy(np.int64)
        names = _bucket_names(BUCKET_STARTS[by])
        values = {
            "history": per_instance[EARLIER_INTERACTIONS].to_numpy(np.int64),
            "searches": per_instance[EARLIER_SEARCHES].to_numpy(np.int64),
            "popularity": self.item_counts[positive],
        }[by]
        bucket = np.searchsorted(BUCKET_STARTS[by], values, side="right") - 1
        labels = np.array(names, object)[bucket]
        cold_user = (user < FIRST_KNOWN) | (self.user_counts[user] == 0)
        cold_item = positive < FIRST_KNOWN
        labels[cold_user] = COLD_USERS
        labels[cold_item] = COLD_ITEMS
        labels[cold_user & cold_item] = COLD_BOTH
        return labels, [*names, COLD_USERS, COLD_ITEMS, COLD_BOTH]


def _bucket_names(starts: tuple[int, ...]) -> list[str]:
    """`0`, `1-2`, ..., `51+`."""
    names = [
        f"{first}" if after == first + 1 else f"{first}-{after - 1}"
        for first, after in itertools.pairwise(starts)
    ]
    return [*names, f"{starts[-1]}+"]
