from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.prefix_order import positions, with_targets_appended
from pipelines.sources.released_histories import Events, ReleasedHistories

COUNTS = st.integers(0, 5)


def events(lengths: list[int], times: list[float] | None = None) -> Events:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    moments = None if times is None else np.asarray(times, np.float64)
    return Events(offsets, np.arange(offsets[-1]), moments)


@st.composite
def releases(draw):
    """Histories of some users, and targets with counts that never fall."""
    lengths = draw(st.lists(st.tuples(COUNTS, COUNTS), max_size=5))
    targets, counts, first = [], [], 0
    for interactions, searches in lengths:
        places = draw(st.sets(st.integers(0, interactions - 1))) if interactions else set()
        targets += [first + place for place in sorted(places)]
        drawn = st.lists(st.integers(0, searches), min_size=len(places), max_size=len(places))
        counts += sorted(draw(drawn))
        first += interactions
    timed = draw(st.booleans())
    moments = [
        draw(st.lists(COUNTS, min_size=total, max_size=total)) if timed else None
        for total in (sum(n for n, _ in lengths), sum(n for _, n in lengths))
    ]
    kinds = ([n for n, _ in lengths], [n for _, n in lengths])
    histories = ReleasedHistories(*map(events, kinds, moments))
    return histories, np.asarray(targets, np.int64), np.asarray(counts, np.int64)


@settings(deadline=None)
@given(releases())
def test_exactly_the_prefixes_come_before_the_targets(release):
    histories, targets, counts = release
    feed, searches = histories.interactions, histories.searches
    interaction_times, search_times = positions(histories, targets, counts)
    for target, count in zip(targets, counts, strict=True):
        same = searches.users == feed.users[target]
        earlier = searches.places[same & (search_times < interaction_times[target])]
        assert sorted(earlier) == list(range(count))
    for user in range(len(feed.lengths)):
        own = interaction_times[feed.users == user], search_times[searches.users == user]
        assert sorted(np.concatenate(own)) == list(range(len(own[0]) + len(own[1])))
        assert all((np.diff(each) > 0).all() for each in own)


@pytest.mark.parametrize(
    ("times", "interactions", "searches"),
    [
        # 0 1 s0 2* 3 s1: the first search is known before place 2 only, the second never.
        (None, [0, 1, 3, 4], [2, 5]),
        # By time s0 would come first and s1 before place 3; place 2 allows both.
        (([1, 2, 3, 9], [0, 5]), [1, 2, 3, 5], [0, 4]),
        # By time both would come first; place 2 keeps the second back.
        (([1, 2, 3, 9], [0, 0]), [1, 2, 3, 5], [0, 4]),
    ],
)
def test_what_prefixes_leave_open(times, interactions, searches):
    feed_times, search_times = times or (None, None)
    histories = ReleasedHistories(events([4], feed_times), events([2], search_times))
    found = positions(histories, np.asarray([2]), np.asarray([1]))
    assert [each.tolist() for each in found] == [interactions, searches]


def test_appended_targets_come_last():
    feed = events([2, 0, 1], [1.0, 2.0, 3.0])
    longer = with_targets_appended(feed, np.asarray([2, 1]), np.asarray([8, 9]))
    assert longer.offsets.tolist() == [0, 2, 3, 5]
    assert longer.codes.tolist() == [0, 1, 9, 2, 8]
    assert longer.times.tolist() == [1.0, 2.0, np.inf, 3.0, np.inf]
