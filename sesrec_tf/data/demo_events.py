"""What happened in a demo world, in the world's own numbers."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import numpy.typing as npt

IntArray = npt.NDArray[np.int64]
EventsT = TypeVar("EventsT", bound="_Events")


@dataclass(frozen=True)
class _Events:
    users: IntArray
    steps: IntArray

    @classmethod
    def in_user_order(cls: type[EventsT], parts: Sequence[EventsT]) -> EventsT:
        """All events of several steps, by user and then by step."""
        names = [field.name for field in dataclasses.fields(cls)]
        joined = {name: np.concatenate([getattr(part, name) for part in parts]) for name in names}
        order = np.lexsort((joined["steps"], joined["users"]))
        return cls(**{name: values[order] for name, values in joined.items()})


@dataclass(frozen=True)
class FeedEvents(_Events):
    """Interactions of the recommendation feed, `[n]` each.

    Attributes:
        users, steps: who, and the position among all events of that user.
        topics, items: what the event was about; items are internal numbers.
        intensity: `[n, Z]` float32 probability of each topic over the popularity left in it.
    """

    topics: IntArray
    items: IntArray
    intensity: npt.NDArray[np.float32]


@dataclass(frozen=True)
class SearchEvents(_Events):
    """Searches, `[n]` each.

    Attributes:
        users, steps: who, and the position among all events of that user.
        topics: what the query was about.
        suggested: whether the query was suggested instead of typed.
        clicks: `[n, 3]` internal item numbers, -1 where there is none.
    """

    topics: IntArray
    suggested: npt.NDArray[np.bool_]
    clicks: IntArray


@dataclass(frozen=True)
class DemoEvents:
    """Both logs, each by user and then by step."""

    feed: FeedEvents
    searches: SearchEvents
