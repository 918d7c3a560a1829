from __future__ import annotations

import pandas as pd
import pytest

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from sesrec_tf.schema import HistoryShape


@pytest.fixture
def log() -> EventLog:
    # The validation target of u is at 3 (item c), so the search at 3 is no training row.
    interactions = pd.DataFrame(
        {"user_id": "u", "item_id": [*"aabcd"], "timestamp": [0, 1, 2, 3, 4]}
    )
    searches = pd.DataFrame(
        {
            "user_id": "u",
            "session_id": [*"123"],
            "query": ["red red shoe", "shoe", "one two three four five"],
            "source": ["", "typed", "late"],
            "clicked_item_ids": ["b e a", "", "f g h i"],
            "timestamp": [0, 1, 3],
        }
    )
    return EventLog.from_tables(LogTables(interactions, searches), "s")


def build(log: EventLog, **settings: int) -> IndexedLog:
    options = PrepareOptions(**settings)
    return IndexedLog.build(log, assign_splits(log, options), options)


def test_statistics_come_from_training_rows_only(log: EventLog) -> None:
    indexed = build(log)
    # a: 2 interactions + 1 click; b: 1 + 1; e: only clicked. c, d are targets, f-i come late.
    assert indexed.items.ids.to_pylist() == ["a", "b", "e"]
    assert indexed.queries.ids.to_pylist() == ["red red shoe", "shoe"]
    assert indexed.words.ids.to_pylist() == ["red", "shoe"]
    assert indexed.sources.ids.to_pylist() == ["typed"]
    assert indexed.counts.interactions.tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0]
    assert indexed.counts.clicks.tolist() == [1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert indexed.shape == HistoryShape(15, 15, query_words=3, clicks=3)
    assert indexed.clicked_items.tolist() == [[3, 4, 2], [0, 0, 0], [1, 1, 1]]


def test_only_the_first_clicks_and_words_count(log: EventLog) -> None:
    indexed = build(log, max_clicks=1, max_words=2)
    assert indexed.items.ids.to_pylist() == ["a", "b"]
    # "red red shoe" has lost its shoe; the one of "shoe" is left.
    assert indexed.words.ids.to_pylist() == ["red", "shoe"]
    texts = log.queries.to_pylist()
    assert indexed.query_words[texts.index("red red shoe")].tolist() == [2, 2]
    assert indexed.query_words[texts.index("shoe")].tolist() == [3, 0]
    assert indexed.query_words[texts.index("one two three four five")].tolist() == [1, 1]


def test_words_beyond_the_limit_are_not_counted(log: EventLog) -> None:
    # The shoe of "red red shoe" is its third word, so one shoe is left, too rare to be known.
    assert build(log, max_words=2, min_count=2).words.ids.to_pylist() == ["red"]


def test_min_count(log: EventLog) -> None:
    indexed = build(log, min_count=2)
    assert indexed.items.ids.to_pylist() == ["a", "b"]
    assert indexed.queries.ids.to_pylist() == []
    assert indexed.words.ids.to_pylist() == ["red", "shoe"]
    # Users and sources are kept however rare.
    assert indexed.users.ids.to_pylist() == ["u"]
    assert indexed.sources.ids.to_pylist() == ["typed"]
