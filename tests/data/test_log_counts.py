from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_counts import COUNTED, LogCounts
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from tests.data.log_rows import interactions, searches, shop_logs, valid_rows
from tests.data.small_logs import event_log

# The validation target of u is at 3 (item c), so the search at 3 is no training row.
FEED = interactions(
    *(("u", item, time) for time, item in enumerate("aabcd")), negative_item_ids="never"
)
SEARCHES = searches(
    ("u", "1", "red shoe", "", "b e a", 0),
    ("u", "2", "red shoe", "typed", "", 1),
    ("u", "3", "late", "late", "f g h i", 3),
    ("v", "1", "hat", "typed", "a", 0),
)


def counts(log: EventLog, max_clicks: int = 5) -> LogCounts:
    return LogCounts.of(log, assign_splits(log, PrepareOptions()), max_clicks)


def rows(found: LogCounts, kind: str) -> dict[str, list[int]]:
    ids, *columns = found.ids[kind].to_pydict().values()
    return {name: list(values) for name, *values in zip(ids, *columns, strict=True)}


def test_golden() -> None:
    found = counts(event_log(LogTables(FEED, SEARCHES)))
    # Training rows: a at 0 and 1, b at 2; the searches of u at 0 and 1, and that of v.
    assert rows(found, "users") == {"u": [3, 2], "v": [0, 1]}
    assert rows(found, "items") == {
        "a": [2, 2],
        "b": [1, 1],
        "e": [0, 1],
        **{item: [0, 0] for item in "cdfghi"},
    }
    assert rows(found, "queries") == {"red shoe": [2], "hat": [1], "late": [0]}
    assert rows(found, "sources") == {"": [1], "typed": [2], "late": [0]}
    assert found.totals == {
        "interactions": 5,
        "searches": 4,
        "training_interactions": 3,
        "training_searches": 3,
        "train": 2,
        "valid": 1,
        "test": 1,
    }
    assert found.most_clicks == 3


def test_only_the_first_clicks_of_a_session_count() -> None:
    found = counts(event_log(LogTables(FEED, SEARCHES)), max_clicks=1)
    assert rows(found, "items")["a"] == [2, 1]
    assert rows(found, "items")["e"] == [0, 0]
    # A width may still be chosen, so this is no smaller.
    assert found.most_clicks == 3


def test_negatives_are_no_events() -> None:
    assert "never" not in rows(counts(event_log(LogTables(FEED, SEARCHES))), "items")


def test_nothing_to_merge() -> None:
    merged = LogCounts.merged([])
    assert {"train", "valid", "test", "interactions", "searches"} < merged.totals.keys()
    assert set(merged.totals.values()) == {0}
    assert merged.most_clicks == 0
    for kind, counted in COUNTED.items():
        assert merged.distinct(kind).to_pylist() == []
        assert all(len(merged.count(kind, what)) == 0 for what in counted)


@settings(deadline=None, max_examples=15)
@given(st.integers(0, 99), st.lists(st.integers(0, 3), min_size=14, max_size=14))
def test_parts_sum_up_to_the_whole(seed: int, part: list[int]) -> None:
    logs = shop_logs(seed)
    users = sorted({*logs.interactions["user_id"], *logs.searches["user_id"]})
    part_of = dict(zip(users, part, strict=True))
    parts = []
    for number in set(part):
        tables = {"interactions": logs.interactions, "searches": logs.searches}
        own = (
            valid_rows(frame[[part_of[user] == number for user in frame["user_id"]]], table)
            for table, frame in tables.items()
        )
        parts.append(counts(EventLog.of(*own)))
    whole = counts(event_log(logs))
    for merged in (LogCounts.merged(parts), LogCounts.merged(parts[::-1])):
        assert merged.totals == whole.totals
        assert merged.most_clicks == whole.most_clicks
        for kind, counted in COUNTED.items():
            ids = merged.distinct(kind).to_pylist()
            assert ids == sorted(ids)
            assert rows(merged, kind) == rows(whole, kind)
            for what in counted:
                assert merged.count(kind, what).dtype == np.int64
