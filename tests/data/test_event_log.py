from __future__ import annotations

import pandas as pd
import pytest

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.errors import InputError


def interactions(*rows: tuple[str, str, int]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])


def searches(*rows: tuple[str, str, str, str, int]) -> pd.DataFrame:
    names = ["user_id", "session_id", "query", "clicked_item_ids", "timestamp"]
    return pd.DataFrame(rows, columns=names).assign(source="")


def test_golden() -> None:
    # u: search (3), then at 4 both interactions before the search; v: interaction, search.
    log = EventLog.from_tables(
        LogTables(
            interactions(("v", "b", 9), ("u", "c", 4), ("u", "a", 4)),
            searches(("u", "1", "q", "b a", 4), ("v", "1", "r", "", 9), ("u", "2", "r", "z", 3)),
        ),
        "s",
    )
    assert log.users.to_pylist() == ["u", "v"]
    assert log.items.to_pylist() == ["a", "b", "c", "z"]
    assert log.queries.to_pylist() == ["q", "r"]
    feed, log_searches = log.interactions, log.searches
    assert feed.row.tolist() == [1, 2, 0]
    assert feed.item.tolist() == [2, 0, 1]
    assert feed.time.tolist() == [4, 4, 9]
    assert feed.earlier_interactions.tolist() == [0, 1, 0]
    assert feed.earlier_searches.tolist() == [1, 1, 0]
    assert log_searches.row.tolist() == [2, 0, 1]
    assert log_searches.session_id.to_pylist() == ["2", "1", "1"]
    assert log_searches.query.tolist() == [1, 0, 1]
    assert log_searches.earlier_interactions.tolist() == [0, 2, 1]
    assert log_searches.click_offsets.tolist() == [0, 1, 3, 3]
    assert log_searches.clicks.tolist() == [3, 1, 0]
    assert log.first_interaction.tolist() == [0, 2, 3]
    assert log.first_search.tolist() == [0, 2, 3]


def test_a_session_id_twice_is_refused() -> None:
    feed = interactions(("u", "a", 1))
    twice = searches(("u", "7", "red", "", 1), ("v", "7", "x", "", 1), ("u", "7", "shoe", "", 2))
    with pytest.raises(InputError) as caught:
        EventLog.from_tables(LogTables(feed, twice), "s")
    message = str(caught.value)
    assert message.startswith(
        "searches: session '7' of user 'u' stands in data rows 1 and 3, with the queries 'red' "
        "and 'shoe'. Expected one row a session."
    )


def test_users_of_either_table_count() -> None:
    log = EventLog.from_tables(
        LogTables(interactions(("u", "a", 1)), searches(("v", "1", "q", "", 1))), "s"
    )
    assert log.users.to_pylist() == ["u", "v"]
    assert log.first_interaction.tolist() == [0, 1, 1]
    assert log.first_search.tolist() == [0, 0, 1]
