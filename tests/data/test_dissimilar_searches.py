from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.dissimilar_searches import DissimilarSearches, share
from sesrec_tf.data.prepared_events import FeedEvents, PreparedEvents, SearchEvents

# Items 2 3 4 5 are of the categories 2 2 3 4, item 6 and the unknown item 1 of none.
CATEGORIES = np.array([0, 1, 2, 2, 3, 4, 1], np.int32)

FEED = st.lists(st.tuples(st.integers(0, 2), st.integers(1, 6), st.integers(-9, 9)), max_size=12)
SEARCHES = st.lists(
    st.tuples(st.integers(0, 2), st.lists(st.integers(1, 6), max_size=3), st.integers(-9, 9)),
    min_size=1,
    max_size=8,
)


def events(
    feed: list[tuple[int, int, int]], searches: list[tuple[int, list[int], int]]
) -> PreparedEvents:
    """Both logs from (user, item, time) and (user, clicked items, time)."""
    user, item, time = np.array(feed, np.int64).reshape(-1, 3).T
    clicks = [(row, item) for row, (_, items, _) in enumerate(searches) for item in items]
    click_search, click_item = np.array(clicks, np.int64).reshape(-1, 2).T
    zeros = np.zeros(len(searches), np.int64)
    return PreparedEvents(
        FeedEvents(user, item, item, time, np.full(len(feed), "", object), 0 * time, 0 * time),
        SearchEvents(
            user=np.array([user for user, _, _ in searches], np.int64),
            source=zeros,
            sources=("",),
            time=np.array([time for _, _, time in searches], np.int64),
            earlier_interactions=zeros,
            click_search=click_search,
            click_item=click_item,
            click_item_index=click_item,
        ),
        users=3,
        items=7,
    )


def by_loops(feed: list[tuple[int, int, int]], search: tuple[int, list[int], int], window: int):
    """(judged, with feed, similar any, similar all) by the words of the rule."""
    user, clicks, time = search
    recent = [item for who, item, when in feed if who == user and time - window <= when < time]
    seen = {CATEGORIES[item] for item in recent} - {1}
    asked = {CATEGORIES[item] for item in clicks} - {1}
    return bool(asked), bool(seen), bool(asked & seen), asked <= seen


@settings(deadline=None)
@given(feed=FEED, searches=SEARCHES, window=st.integers(1, 12))
def test_equals_the_rule_read_aloud(
    feed: list[tuple[int, int, int]], searches: list[tuple[int, list[int], int]], window: int
) -> None:
    found = DissimilarSearches.of(events(feed, searches), CATEGORIES, window)
    rows = [by_loops(feed, search, window) for search in searches]
    judged, with_feed, some, every = np.array(rows).T
    assert found.judged.tolist() == judged.tolist()
    assert found.with_feed.tolist() == with_feed.tolist()
    assert found.dissimilar("any").tolist() == (judged & ~some).tolist()
    assert found.dissimilar("all").tolist() == (judged & ~every).tolist()


def test_the_window_holds_its_first_instant_and_not_its_last() -> None:
    searches = [(0, [2], 7), (0, [2], 8), (0, [3], 1), (0, [2], 0), (1, [2], 7)]
    found = DissimilarSearches.of(events([(0, 2, 0)], searches), CATEGORIES, window=7)
    # [0, 7), [1, 8), [-6, 1), [-7, 0), and another user; item 3 is of item 2's category.
    assert found.similar["any"].tolist() == [True, False, True, False, False]


def test_no_clicks_and_no_feed() -> None:
    found = DissimilarSearches.of(events([], [(0, [], 5)]), CATEGORIES, window=7)
    nobody = {"share": None, "share_with_feed": None}
    summary = found.summary(np.array([True]))
    assert summary == {"judged": 0, "without_feed": 0, "any": nobody, "all": nobody}
    assert found.by_history(np.array([5])) == []


def test_times_far_apart_do_not_overflow() -> None:
    far = 2**62
    searches = [(2, [2], far), (2, [4], -far)]
    found = DissimilarSearches.of(
        events([(2, 2, far - 1), (0, 4, -far)], searches), CATEGORIES, window=7 * 86_400_000_000
    )
    assert found.similar["any"].tolist() == [True, False]


def test_buckets_of_history_lengths() -> None:
    searches = [(0, [2], 5)] * 6
    found = DissimilarSearches.of(events([(0, 2, 0)], searches), CATEGORIES, window=7)
    rows = found.by_history(np.array([0, 1, 2, 3, 4, 1023]))
    assert [(row["from"], row["to"], row["judged"]) for row in rows] == [
        *((0, 0, 1), (1, 1, 1), (2, 3, 2), (4, 7, 1)),
        (512, 1023, 1),
    ]
    assert {row["any"] for row in rows} == {0.0}


def test_share_of_nothing_is_none() -> None:
    assert share(np.array([True]), np.array([False])) is None
    assert share(np.array([True, False]), np.array([True, True])) == pytest.approx(1 / 2)
