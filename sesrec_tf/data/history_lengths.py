"""How long the histories of ranking instances are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.prepared_events import FeedEvents
from sesrec_tf.schema import SPLITS, HistoryShape

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
SIDES = ("interactions", "searches")


@dataclass(frozen=True)
class HistoryLengths:
    """Events before each instance, before histories are cut to the widths of the records.

    Attributes:
        lengths: by split and side, `[N]` counts of earlier events, one per instance.
        kept: by side, the width of the records (`T_r`, `T_s`).
    """

    lengths: dict[str, dict[str, Integers]]
    kept: dict[str, int]

    @classmethod
    def of(cls, feed: FeedEvents, shape: HistoryShape) -> HistoryLengths:
        """The lengths of the instances of every split."""
        lengths = {}
        for split in SPLITS:
            instances = feed.split == split
            sides = (feed.earlier_interactions[instances], feed.earlier_searches[instances])
            lengths[split] = dict(zip(SIDES, sides, strict=True))
        return cls(lengths, dict(zip(SIDES, (shape.rec_length, shape.search_length), strict=True)))

    def summary(self) -> dict[str, Any]:
        """Per split: `instances`, and per side the mean, the quantiles and the share `cut`.

        A quantile is the least length that at least that share of the instances does not exceed,
        so it is the length of some instance. `cut` is the share of histories longer than the
        records keep. Means, quantiles and shares of an empty split are `None`.
        """
        return {
            split: {
                "instances": len(sides[SIDES[0]]),
                **{side: _summary(sides[side], self.kept[side]) for side in SIDES},
            }
            for split, sides in self.lengths.items()
        }


def at_least(lengths: Integers) -> tuple[Integers, npt.NDArray[np.float64]]:
    """The distinct lengths in ascending order, and the share of lengths not below each."""
    values, counts = np.unique(lengths, return_counts=True)
    return values, np.cumsum(counts[::-1])[::-1] / max(1, len(lengths))


def _summary(lengths: Integers, kept: int) -> dict[str, Any]:
    if len(lengths) == 0:
        return {"mean": None, "quantiles": {f"{q:g}": None for q in QUANTILES}, "cut": None}
    values = np.quantile(lengths, QUANTILES, method="inverted_cdf")
    return {
        "mean": float(lengths.mean()),
        "quantiles": {f"{q:g}": int(value) for q, value in zip(QUANTILES, values, strict=True)},
        "cut": float((lengths > kept).mean()),
    }
