"""Searches unlike the recent feed: Figure 1b of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.prepared_events import PreparedEvents
from sesrec_tf.schema import FIRST_KNOWN

Flags = npt.NDArray[np.bool_]

VARIANTS = ("any", "all")


@dataclass(frozen=True)
class DissimilarSearches:
    """Which searches look for what the feed of the last days did not show.

    A search at time t is similar to the feed if a category of its clicked items (variant "any"),
    or every one of them ("all"), occurs among the categories of the items its user met in the
    feed at times in [t - window, t). Items of unknown category say nothing on either side. Only
    a search with a clicked item of known category is judged; without any interaction in the
    window it is dissimilar. An event at the very time t is not before it: where a search was
    made from a review of the same instant, as for Amazon, it does not vouch for itself.

    Attributes:
        judged: `[S]` whether the search can be judged.
        with_feed: `[S]` whether its window holds an interaction with an item of known category.
        similar: by variant, `[S]`; meaningful where judged.
    """

    judged: Flags
    with_feed: Flags
    similar: dict[str, Flags]

    @classmethod
    def of(
        cls, events: PreparedEvents, categories: npt.NDArray[np.int32], window: int
    ) -> DissimilarSearches:
        """Judges every search.

        Args:
            events: both logs.
            categories: `[items + 2]` category index by item index, below 2 where unknown.
            window: ticks.
        """
        feed, searches = events.feed, events.searches
        count = len(searches.time)
        width = int(categories.max(initial=0)) + 1
        clicked = categories[searches.click_item_index].astype(np.int64)
        known = clicked >= FIRST_KNOWN
        pairs = np.unique(searches.click_search[known] * width + clicked[known])
        search, category = np.divmod(pairs, width)
        seen = categories[feed.item_index] >= FIRST_KNOWN
        user, met = feed.user[seen], categories[feed.item_index[seen]]
        recent = _RecentFeed(feed.time[seen], searches.time, window)
        found = recent.holds(user * width + met, searches.user[search] * width + category, search)
        asked = np.bincount(search, minlength=count)
        matched = np.bincount(search[found], minlength=count)
        return cls(
            judged=asked > 0,
            with_feed=recent.holds(user, searches.user, np.arange(count)),
            similar={"any": matched > 0, "all": matched == asked},
        )

    def dissimilar(self, variant: str) -> Flags:
        """`[S]` whether each search is judged and dissimilar."""
        return self.judged & ~self.similar[variant]

    def summary(self, among: Flags) -> dict[str, Any]:
        """Counts and shares of some searches.

        Args:
            among: `[S]` which searches.

        Returns:
            `judged` searches, those of them `without_feed`, and per variant the share that is
            dissimilar: of the judged, and `with_feed` of those whose window is not empty. A share
            of none is `None`.
        """
        judged = self.judged & among
        return {
            "judged": int(judged.sum()),
            "without_feed": int((judged & ~self.with_feed).sum()),
            **{
                variant: {
                    "share": share(self.dissimilar(variant), judged),
                    "share_with_feed": share(self.dissimilar(variant), judged & self.with_feed),
                }
                for variant in VARIANTS
            },
        }

    def by_history(self, earlier_interactions: Integers) -> list[dict[str, Any]]:
        """The judged searches by the number of earlier interactions of their users.

        Args:
            earlier_interactions: `[S]`.

        Returns:
            Per bucket that holds any, shortest first: least and greatest length (`from` 0, 1, 2,
            4, 8, …, `to`), `judged` searches, and the dissimilar share of each variant.
        """
        # 0 → 0, 1 → 1, 2 and 3 → 2, 4 to 7 → 3: the exponent frexp gives.
        bucket = np.frexp(earlier_interactions.astype(np.float64))[1]
        rows = []
        for number in np.unique(bucket[self.judged]):
            among = self.judged & (bucket == number)
            rows.append(
                {
                    "from": int(2**number) // 2,
                    "to": max(0, int(2**number) - 1),
                    "judged": int(among.sum()),
                    **{variant: share(self.dissimilar(variant), among) for variant in VARIANTS},
                }
            )
        return rows


def share(flags: Flags, among: Flags) -> float | None:
    """The share of `flags` among some rows, `None` if there are no such rows."""
    total = int(among.sum())
    return int((flags & among).sum()) / total if total else None


class _RecentFeed:
    """Answers whether a key occurred in the feed within the window before a search.

    Key and time are joined into one integer, times by rank so that it cannot overflow; among the
    sorted integers a question is two binary searches.

    Args:
        times: `[E]` of the feed.
        search_times: `[S]` ticks.
        window: ticks.
    """

    def __init__(self, times: Integers, search_times: Integers, window: int) -> None:
        distinct, self._rank = np.unique(times, return_inverse=True)
        self._base = len(distinct) + 1
        self._first = np.searchsorted(distinct, search_times - window)
        self._last = np.searchsorted(distinct, search_times)

    def holds(self, feed_keys: Integers, keys: Integers, search: Integers) -> Flags:
        """Whether each key has an event in [time - window, time) of its search.

        Args:
            feed_keys: `[E]` not negative.
            keys, search: `[Q]`, what is asked for and by which search.
        """
        events = np.sort(feed_keys * self._base + self._rank)
        first = np.searchsorted(events, keys * self._base + self._first[search])
        return first < np.searchsorted(events, keys * self._base + self._last[search])
