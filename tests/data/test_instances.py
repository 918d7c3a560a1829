"""The vectorised builder against a plain reference that walks over the events one by one."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.instances import InstanceBuilder
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from sesrec_tf.schema import SPLITS
from tests.data.small_logs import event_log, indexed_log, users_in_order


class Feed(NamedTuple):
    user: str
    item: str
    time: int


class Search(NamedTuple):
    user: str
    query: str
    source: str
    clicks: list[str]
    time: int


USERS = st.sampled_from(["u1", "007", "NA"])
ITEMS = st.sampled_from(["a", "b", "c", "null", "é"])
QUERIES = st.sampled_from(["red shoe", "Red shoe", " red  shoe", "tab\tshoe", "a b c d e", "red"])
TIMES = st.integers(0, 6)
FEEDS = st.lists(st.builds(Feed, USERS, ITEMS, TIMES), min_size=1, max_size=20)
SEARCHES = st.lists(
    st.builds(
        Search,
        USERS,
        QUERIES,
        st.sampled_from(["", "typed", "suggested"]),
        st.lists(ITEMS, max_size=3),
        TIMES,
    ),
    min_size=1,
    max_size=20,
)
OPTIONS = st.builds(
    PrepareOptions,
    min_earlier_searches=st.integers(0, 2),
    min_instances=st.integers(2, 4),
    min_count=st.integers(1, 3),
    max_rec=st.integers(1, 4),
    max_searches=st.integers(1, 3),
    max_clicks=st.integers(1, 3),
    max_words=st.integers(1, 4),
) | st.builds(
    PrepareOptions,
    split=st.just("time"),
    valid_from=st.integers(1, 3),
    test_from=st.integers(4, 6),
)


def tables(feeds: list[Feed], searches: list[Search]) -> LogTables:
    return LogTables(
        interactions=pd.DataFrame(
            {
                "user_id": [event.user for event in feeds],
                "item_id": [event.item for event in feeds],
                "timestamp": [event.time for event in feeds],
            }
        ),
        searches=pd.DataFrame(
            {
                "user_id": [event.user for event in searches],
                "session_id": [str(row) for row in range(len(searches))],
                "query": [event.query for event in searches],
                "source": [event.source for event in searches],
                "clicked_item_ids": [" ".join(event.clicks) for event in searches],
                "timestamp": [event.time for event in searches],
            }
        ),
    )


def built(log_tables: LogTables, options: PrepareOptions) -> dict[str, list[dict]]:
    log = event_log(log_tables, options.time_unit)
    splits = assign_splits(log, options)
    builder = InstanceBuilder(log, indexed_log(log, splits, options))
    return {name: builder.build(splits.targets(name)).to_pylist() for name in SPLITS}


class Reference:
    """The rules of preparation, event by event."""

    def __init__(self, feeds: list[Feed], searches: list[Search], options: PrepareOptions) -> None:
        self.options = options
        events = [(event.time, 0, row, event) for row, event in enumerate(feeds)]
        events += [(event.time, 1, row, event) for row, event in enumerate(searches)]
        self.by_user: dict[str, list] = {}
        for entry in sorted(events, key=lambda entry: entry[:3]):
            self.by_user.setdefault(entry[3].user, []).append(entry)
        self.split_of = self._splits()
        self._count()

    def records(self) -> dict[str, list[dict]]:
        result: dict[str, list[dict]] = {name: [] for name in SPLITS}
        for user in users_in_order({*self.by_user}):
            events = self.by_user[user]
            for place, (_, kind, row, event) in enumerate(events):
                if kind == 0 and (split := self.split_of.get(row)):
                    result[split].append(self._record(row, event, events[:place]))
        return result

    def _splits(self) -> dict[int, str]:
        split_of = {}
        self.training: list = []
        for events in self.by_user.values():
            places = [
                place
                for place, (_, kind, _, _) in enumerate(events)
                if kind == 0 and self._suffices(events[:place])
            ]
            names = self._names(events, places)
            split_of.update({events[place][2]: name for place, name in names.items()})
            self.training += self._training(events, names)
        return split_of

    def _suffices(self, before: list) -> bool:
        interactions = sum(kind == 0 for _, kind, _, _ in before)
        return interactions >= 1 and len(before) - interactions >= self.options.min_earlier_searches

    def _names(self, events: list, places: list[int]) -> dict[int, str]:
        if self.options.split == "time":
            return {place: self._period(events[place][0]) for place in places}
        names = dict.fromkeys(places, "train")
        if len(places) >= self.options.min_instances:
            names[places[-1]], names[places[-2]] = "test", "valid"
        return names

    def _period(self, time: int) -> str:
        if time >= self.options.test_from:
            return "test"
        return "valid" if time >= self.options.valid_from else "train"

    def _training(self, events: list, names: dict[int, str]) -> list:
        if self.options.split == "time":
            return [entry for entry in events if entry[0] < self.options.valid_from]
        targets = [place for place, name in names.items() if name == "valid"]
        return events[: targets[0]] if targets else events

    def _count(self) -> None:
        feeds = [event for _, kind, _, event in self.training if kind == 0]
        searches = [event for _, kind, _, event in self.training if kind == 1]
        options = self.options
        words = [self._words(event.query) for event in searches]
        clicks = [event.clicks[: options.max_clicks] for event in searches]
        self.clicks = max([1, *map(len, clicks)])
        self.length = max([1, *map(len, words)])
        users = Counter(event.user for event in feeds + searches)
        self.users = self._index(users, 1)
        items = Counter(event.item for event in feeds)
        items.update(item for row in clicks for item in row)
        self.items = self._index(items, options.min_count)
        self.queries = self._index(Counter(event.query for event in searches), options.min_count)
        self.words = self._index(Counter(word for row in words for word in row), options.min_count)
        self.sources = self._index(Counter(event.source for event in searches if event.source), 1)

    def _words(self, query: str) -> list[str]:
        return [word for word in query.split(" ") if word][: self.options.max_words]

    @staticmethod
    def _index(counts: Counter, min_count: int) -> dict[str, int]:
        kept = [item for item in counts if counts[item] >= min_count]
        kept.sort(key=lambda item: (-counts[item], item))
        return {item: index + 2 for index, item in enumerate(kept)}

    def _record(self, row: int, target: Feed, before: list) -> dict:
        feeds = [event for _, kind, _, event in before if kind == 0]
        searches = [event for _, kind, _, event in before if kind == 1]
        rec = feeds[-self.options.max_rec :]
        sessions = searches[-self.options.max_searches :]
        return {
            "instance": [row],
            "user": [self.users.get(target.user, 1)],
            "earlier_interactions": [len(feeds)],
            "earlier_searches": [len(searches)],
            "rec_items": [self.items.get(event.item, 1) for event in rec],
            "rec_times": [event.time for event in rec],
            "queries": [self.queries.get(event.query, 1) for event in sessions],
            "query_words": [
                index
                for event in sessions
                for index in padded(
                    [self.words.get(word, 1) for word in self._words(event.query)], self.length
                )
            ],
            "query_sources": [self.sources.get(event.source, 1) for event in sessions],
            "query_times": [event.time for event in sessions],
            "clicked_items": [
                index
                for event in sessions
                for index in padded([self.items.get(item, 1) for item in event.clicks], self.clicks)
            ],
            "candidates": [self.items.get(target.item, 1)],
        }


def padded(indices: list[int], width: int) -> list[int]:
    return (indices + [0] * width)[:width]


@settings(deadline=None, max_examples=300)
@given(FEEDS, SEARCHES, OPTIONS)
def test_records_equal_the_event_by_event_reference(
    feeds: list[Feed], searches: list[Search], options: PrepareOptions
) -> None:
    expected = Reference(feeds, searches, options).records()
    assert built(tables(feeds, searches), options) == expected


@settings(deadline=None, max_examples=100)
@given(FEEDS, SEARCHES, st.randoms(use_true_random=False))
def test_rows_may_come_in_any_order_where_times_differ(
    feeds: list[Feed], searches: list[Search], random
) -> None:
    feeds = [event._replace(time=place) for place, event in enumerate(feeds)]
    searches = [event._replace(time=place) for place, event in enumerate(searches)]
    options = PrepareOptions(min_instances=2)
    expected = built(tables(feeds, searches), options)
    random.shuffle(feeds)
    random.shuffle(searches)
    shuffled = built(tables(feeds, searches), options)
    for split in SPLITS:
        for record in (*expected[split], *shuffled[split]):
            del record["instance"]
    assert shuffled == expected


@settings(deadline=None, max_examples=100)
@given(FEEDS, SEARCHES)
def test_no_event_at_or_after_the_target_is_in_its_history(
    feeds: list[Feed], searches: list[Search]
) -> None:
    # Every event has its own time and item, so a leak of any kind would be seen in either.
    order = sorted([*feeds, *searches], key=lambda event: (event.time, isinstance(event, Search)))
    times = {id(event): time for time, event in enumerate(order)}
    feeds = [event._replace(time=times[id(event)], item=f"i{times[id(event)]}") for event in feeds]
    searches = [
        event._replace(time=times[id(event)], clicks=[f"i{times[id(event)]}"]) for event in searches
    ]
    log_tables = tables(feeds, searches)
    options = PrepareOptions(min_instances=2)
    for records in built(log_tables, options).values():
        for record in records:
            target = feeds[record["instance"][0]]
            assert all(time < target.time for time in record["rec_times"])
            assert all(time < target.time for time in record["query_times"])
            known = {*record["rec_items"], *record["clicked_items"]} - {0, 1}
            assert not known & set(record["candidates"])


def test_golden_order_at_equal_times() -> None:
    # u: interaction a at 5, then at time 5 again b, and a search at time 5. Interactions come
    # first at equal time, in the order of their rows, so the target b (row 1) sees only a, and
    # the target c at 6 sees a, b and the search.
    feeds = [Feed("u", "a", 5), Feed("u", "b", 5), Feed("u", "c", 6)]
    searches = [Search("u", "q", "", [], 5)]
    records = built(tables(feeds, searches), PrepareOptions())["train"]
    assert [record["instance"] for record in records] == [[1], [2]]
    assert [record["earlier_searches"] for record in records] == [[0], [1]]
    assert [record["rec_times"] for record in records] == [[5], [5, 5]]
    assert [record["query_times"] for record in records] == [[], [5]]


def test_test_history_includes_the_validation_target() -> None:
    feeds = [Feed("u", item, time) for time, item in enumerate("abcd")]
    records = built(tables(feeds, [Search("u", "q", "", [], 0)]), PrepareOptions())
    # Training rows are a and b (indices 2 and 3 by id); c, the validation target, is unknown.
    assert records["valid"][0]["candidates"] == [1]
    assert records["test"][0]["rec_items"] == [2, 3, 1]
    assert records["test"][0]["rec_times"] == [0, 1, 2]


def test_batches_cut_nowhere_in_particular() -> None:
    feeds = [Feed(f"u{user}", item, time) for user in range(5) for time, item in enumerate("abcde")]
    searches = [Search(f"u{user}", "q r", "", ["a"], 1) for user in range(5)]
    options = PrepareOptions()
    log = event_log(tables(feeds, searches))
    splits = assign_splits(log, options)
    builder = InstanceBuilder(log, indexed_log(log, splits, options))
    targets = np.flatnonzero(splits.instance_split >= 0)
    negatives = np.arange(len(targets) * 2).reshape(-1, 2)
    whole = builder.build(targets, negatives).to_pylist()
    parts = [row for part in builder.batches(targets, negatives, 3) for row in part.to_pylist()]
    assert parts == whole
    assert whole[4]["candidates"][1:] == [8, 9]
