from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_tables import LogTables
from tests.data.small_logs import event_log, users_in_order


def interactions(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])


def searches(*rows: tuple[str, str, str, str, int]) -> pd.DataFrame:
    names = ["user_id", "session_id", "query", "clicked_item_ids", "timestamp"]
    return pd.DataFrame(rows, columns=names).assign(source="")


def events_of(log: EventLog, user: str) -> tuple[range, range]:
    """Where the interactions and the searches of a user are."""
    code = log.users.to_pylist().index(user)
    return (
        range(*log.first_interaction[code : code + 2]),
        range(*log.first_search[code : code + 2]),
    )


def test_golden() -> None:
    # u: search (3), then at 4 both interactions before the search; v: interaction, search.
    log = event_log(
        LogTables(
            interactions(("v", "b", 9), ("u", "c", 4), ("u", "a", 4)),
            searches(("u", "1", "q", "b a", 4), ("v", "1", "r", "", 9), ("u", "2", "r", "z", 3)),
        )
    )
    assert log.items.to_pylist() == ["a", "b", "c", "z"]
    assert log.queries.to_pylist() == ["q", "r"]
    feed, log_searches = log.interactions, log.searches
    of_u, u_searched = events_of(log, "u")
    of_v, v_searched = events_of(log, "v")
    assert feed.row[of_u].tolist() == [1, 2]
    assert feed.item[of_u].tolist() == [2, 0]
    assert feed.time[of_u].tolist() == [4, 4]
    assert feed.earlier_interactions[of_u].tolist() == [0, 1]
    assert feed.earlier_searches[of_u].tolist() == [1, 1]
    assert feed.row[of_v].tolist() == [0]
    assert feed.item[of_v].tolist() == [1]
    assert feed.time[of_v].tolist() == [9]
    assert feed.earlier_interactions[of_v].tolist() == [0]
    assert feed.earlier_searches[of_v].tolist() == [0]
    assert log_searches.row[u_searched].tolist() == [2, 0]
    assert log_searches.session_id.take(list(u_searched)).to_pylist() == ["2", "1"]
    assert log_searches.query[u_searched].tolist() == [1, 0]
    assert log_searches.earlier_interactions[u_searched].tolist() == [0, 2]
    assert log_searches.row[v_searched].tolist() == [1]
    assert log_searches.session_id.take(list(v_searched)).to_pylist() == ["1"]
    assert log_searches.query[v_searched].tolist() == [1]
    assert log_searches.earlier_interactions[v_searched].tolist() == [1]
    clicks = np.split(log_searches.clicks, log_searches.click_offsets[1:-1])
    assert [clicks[place].tolist() for place in (*u_searched, *v_searched)] == [[3], [1, 0], []]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.tuples(st.text("abc", min_size=1, max_size=3), st.integers(0, 3)), min_size=1))
def test_users_by_hash_and_events_by_time(events: list[tuple[str, int]]) -> None:
    feed = interactions(*((user, "a", time) for user, time in events))
    log = event_log(LogTables(feed, searches(("x", "1", "q", "", 1))))
    users = users_in_order({*feed["user_id"], "x"})
    assert log.users.to_pylist() == users
    assert (np.diff(log.user_bucket) >= 0).all()
    rows = [(users.index(user), time, row) for row, (user, time) in enumerate(events)]
    found = zip(log.interactions.user, log.interactions.time, log.interactions.row, strict=True)
    assert list(found) == sorted(rows)


def test_users_of_either_table_count() -> None:
    log = event_log(LogTables(interactions(("u", "a", 1)), searches(("v", "1", "q", "", 1))))
    assert {*log.users.to_pylist()} == {"u", "v"}
    assert [len(events) for events in events_of(log, "u")] == [1, 0]
    assert [len(events) for events in events_of(log, "v")] == [0, 1]


def test_what_the_log_does_not_give_is_none() -> None:
    feed = interactions(("u", "a", 1), ("u", "b", 2))
    log = event_log(LogTables(feed, searches(("u", "1", "q", "", 1))))
    assert log.interactions.given_split is None
    assert log.interactions.negatives is None
    assert log.interactions.negative_offsets is None


def test_given_splits_and_negatives_follow_their_rows() -> None:
    feed = interactions(("u", "c", 3), ("u", "a", 1), ("u", "b", 2))
    feed = feed.assign(split=["test", "", "valid"], negative_item_ids=["x y", "", "a z"])
    log = event_log(LogTables(feed, searches(("u", "1", "q", "", 1))))
    # Items a b c x y z; in the order of time the rows are 1, 2, 0.
    assert log.items.to_pylist() == [*"abcxyz"]
    assert log.interactions.given_split.tolist() == [-1, 1, 2]
    assert log.interactions.negative_offsets.tolist() == [0, 0, 2, 4]
    assert log.interactions.negatives.tolist() == [0, 5, 3, 4]
