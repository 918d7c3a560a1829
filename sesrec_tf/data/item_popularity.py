"""How evenly interactions and search clicks fall on items."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.prepared_events import PreparedEvents

TOP_SHARES = (0.01, 0.1)


@dataclass(frozen=True)
class ItemPopularity:
    """Events of every item, all rows counted, in training or not.

    Attributes:
        interactions: `[items]` feed interactions with each item.
        clicks: `[items]` search clicks on each item.
    """

    interactions: Integers
    clicks: Integers

    @classmethod
    def of(cls, events: PreparedEvents) -> ItemPopularity:
        """Counts both logs."""
        return cls(
            interactions=np.bincount(events.feed.item, minlength=events.items),
            clicks=np.bincount(events.searches.click_item, minlength=events.items),
        )

    def summary(self) -> dict[str, Any]:
        """Per side: items with an event, with exactly one, and what the most popular draw.

        `top_share` maps a share of the items that have an event, rounded up to whole items, to
        their share of the events; `None` where there is none.
        """
        return {"interactions": _summary(self.interactions), "clicks": _summary(self.clicks)}


def by_rank(counts: Integers) -> Integers:
    """The positive counts, largest first: element n belongs to the item of rank n + 1."""
    return np.sort(counts[counts > 0])[::-1]


def _summary(counts: Integers) -> dict[str, Any]:
    ranked = by_rank(counts)
    total = int(ranked.sum())
    top = {
        # Rounded before the ceiling: 0.1 · 30 is a little more than 3 in binary.
        f"{share:g}": float(ranked[: int(np.ceil(round(share * len(ranked), 6)))].sum() / total)
        if total
        else None
        for share in TOP_SHARES
    }
    return {"items": len(ranked), "once": int((ranked == 1).sum()), "top_share": top}
