from __future__ import annotations

import pytest

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.schema import HistoryShape
from tests.data.log_rows import interactions, searches
from tests.data.small_logs import event_log, vocabularies


@pytest.fixture
def log() -> EventLog:
    # The validation target of u is at 3 (item c), so the search at 3 is no training row.
    return event_log(
        LogTables(
            interactions(*(("u", item, time) for time, item in enumerate("aabcd"))),
            searches(
                ("u", "1", "red red shoe", "", "b e a", 0),
                ("u", "2", "shoe", "typed", "", 1),
                ("u", "3", "one two three four five", "late", "f g h i", 3),
            ),
        )
    )


def made(log: EventLog, **settings: int) -> Vocabularies:
    options = PrepareOptions(**settings)
    return vocabularies(log, assign_splits(log, options), options)


def test_golden(log: EventLog) -> None:
    found = made(log)
    # a: 2 interactions + 1 click; b: 1 + 1; e: only clicked. c, d are targets, f-i come late.
    assert found.items.ids.to_pylist() == ["a", "b", "e"]
    assert found.users.ids.to_pylist() == ["u"]
    assert found.queries.ids.to_pylist() == ["red red shoe", "shoe"]
    assert found.words.ids.to_pylist() == ["red", "shoe"]
    # The empty source is an unknown one, however frequent.
    assert found.sources.ids.to_pylist() == ["typed"]
    assert found.shape == HistoryShape(15, 15, query_words=3, clicks=3)
    texts = found.counts.distinct("queries").to_pylist()
    words = dict(zip(texts, found.query_words.tolist(), strict=True))
    assert words == {
        "red red shoe": [2, 2, 3],
        "shoe": [3, 0, 0],
        "one two three four five": [1, 1, 1],
    }


def test_limits(log: EventLog) -> None:
    found = made(log, max_clicks=1, max_words=2, max_rec=4, max_searches=3)
    assert found.shape == HistoryShape(4, 3, query_words=2, clicks=1)
    assert found.items.ids.to_pylist() == ["a", "b"]
    # The shoe of "red red shoe" is its third word: one is left, too rare to be known below.
    assert found.words.ids.to_pylist() == ["red", "shoe"]
    assert made(log, max_words=2, min_count=2).words.ids.to_pylist() == ["red"]


def test_rare_ids_are_unknown_but_for_users_and_sources(log: EventLog) -> None:
    found = made(log, min_count=2)
    assert found.items.ids.to_pylist() == ["a", "b"]
    assert found.queries.ids.to_pylist() == []
    assert found.words.ids.to_pylist() == ["red", "shoe"]
    assert found.users.ids.to_pylist() == ["u"]
    assert found.sources.ids.to_pylist() == ["typed"]


def test_widths_are_at_least_one() -> None:
    # v searches once, without a click; u's only searches come late.
    feed = interactions(*(("u", item, time) for time, item in enumerate("aabcd")))
    sessions = searches(("u", "1", "one two", "", "a b", 4), ("u", "2", "one", "", "a", 5))
    assert made(event_log(LogTables(feed, sessions))).shape == HistoryShape(
        15, 15, query_words=1, clicks=1
    )


def test_what_records_need(log: EventLog) -> None:
    found = made(log)
    known = found.known_ids()
    assert known.shape == found.shape
    assert known.items.to_pylist() == ["a", "b", "e"]
    # e is only clicked.
    assert known.item_interactions.tolist() == [2, 1, 0]
    for kind in ("users", "items", "queries", "words", "sources"):
        assert getattr(known, kind).equals(getattr(found, kind).ids)
