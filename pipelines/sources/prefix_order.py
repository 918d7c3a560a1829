"""One order of a user's interactions and searches in which prefix lengths hold.

A release says, for every target, how many interactions and how many searches come before it. The
target at place p of the interactions with c earlier searches is put after exactly the first p
interactions and the first c sessions. Between targets, the searches that come before the later
but not before the earlier target may stand anywhere among the interactions there: they go where
the times of a release put them, and right before the later target where there are no times.
Interactions that are no target, and searches that no target counts, so have their place too;
the latter come after all targets.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from pipelines.sources.id_codes import Integers
from pipelines.sources.released_histories import Events, ReleasedHistories


def positions(
    histories: ReleasedHistories, targets: Integers, earlier_searches: Integers
) -> tuple[Integers, Integers]:
    """Positions of all events, in each user's own sequence.

    Args:
        histories: of the users, with every target among the interactions.
        targets: `[N]` targets among the interactions.
        earlier_searches: `[N]` searches before each; a user's do not fall from target to target.

    Returns:
        `[E]` of interactions and `[Q]` of searches: 0, 1, … over both kinds of a user, so that
        no two are equal.
    """
    feed, searches = histories.interactions, histories.searches
    counts = _searches_before(histories, targets, earlier_searches)
    # Users apart: what is compared lies above everything of the users before.
    height = searches.lengths.max(initial=0) + 1
    before = np.searchsorted(
        feed.users * height + counts, searches.users * height + searches.places, side="right"
    )
    interactions_before = before - feed.offsets[searches.users]
    return feed.places + counts, searches.places + interactions_before


def _searches_before(
    histories: ReleasedHistories, targets: Integers, earlier_searches: Integers
) -> Integers:
    """`[E]` sessions before each interaction, never falling within a user."""
    feed, searches = histories.interactions, histories.searches
    total = searches.lengths[feed.users]
    raised = feed.users * (searches.lengths.max(initial=0) + 1)
    least, most = raised.copy(), raised + total
    least[targets] += earlier_searches
    most[targets] = least[targets]
    least = np.maximum.accumulate(least) - raised
    most = np.minimum.accumulate(most[::-1])[::-1] - raised
    if feed.times is None or searches.times is None:
        return least
    by_time = np.maximum.accumulate(_earlier_by_time(feed, searches) + raised) - raised
    return np.clip(by_time, least, most)


def _earlier_by_time(feed: Events, searches: Events) -> Integers:
    """`[E]` sessions whose time is less than the interaction's."""
    times = [np.zeros(0) if each.times is None else each.times for each in (feed, searches)]
    is_search = np.repeat([0, 1], [len(feed.codes), len(searches.codes)])
    user = np.concatenate([feed.users, searches.users])
    # At one time the interaction comes first.
    order = np.lexsort((is_search, np.concatenate(times), user))
    met = np.zeros(len(order), np.int64)
    met[order] = np.cumsum(is_search[order])
    return met[: len(feed.codes)] - searches.offsets[feed.users]


def with_targets_appended(events: Events, users: Integers, items: Integers) -> Events:
    """Histories with one more interaction for some users, each after all of the user's others.

    Args:
        events: the interactions.
        users: `[N]` users, each once.
        items: `[N]` codes.
    """
    order = np.argsort(users)
    users, items = users[order], items[order]
    more = np.zeros_like(events.lengths)
    more[users] = 1
    ends = events.offsets[users + 1]
    times: npt.NDArray[np.float64] | None = None
    if events.times is not None:
        times = np.insert(events.times, ends, np.inf)
    offsets = events.offsets + np.concatenate([[0], np.cumsum(more)])
    return Events(offsets, np.insert(events.codes, ends, items), times, events.padding)
