from __future__ import annotations

import pandas as pd
import pytest

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import assign_splits
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.schema import HistoryShape
from tests.data.small_logs import event_log, vocabularies


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
    return event_log(LogTables(interactions, searches))


def build(log: EventLog, **settings: int) -> tuple[Vocabularies, IndexedLog]:
    options = PrepareOptions(**settings)
    known = vocabularies(log, assign_splits(log, options), options)
    return known, IndexedLog.of(log, known.known_ids())


def test_statistics_come_from_training_rows_only(log: EventLog) -> None:
    known, indexed = build(log)
    # a: 2 interactions + 1 click; b: 1 + 1; e: only clicked. c, d are targets, f-i come late.
    assert known.items.ids.to_pylist() == ["a", "b", "e"]
    assert known.queries.ids.to_pylist() == ["red red shoe", "shoe"]
    assert known.words.ids.to_pylist() == ["red", "shoe"]
    assert known.sources.ids.to_pylist() == ["typed"]
    assert known.counts.count("items", "interactions").tolist() == [2, 1, 0, 0, 0, 0, 0, 0, 0]
    assert known.counts.count("items", "clicks").tolist() == [1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert indexed.shape == HistoryShape(15, 15, query_words=3, clicks=3)
    assert indexed.clicked_items.tolist() == [[3, 4, 2], [0, 0, 0], [1, 1, 1]]


def test_every_code_has_the_index_of_its_id(log: EventLog) -> None:
    known, indexed = build(log)
    assert indexed.known_items == 3
    for kind in ("users", "items", "queries", "sources"):
        ids = ["", None, *getattr(known, kind).ids.to_pylist()]
        index = getattr(indexed, kind)
        assert index.dtype == "int32"
        known_or_none = [
            name if name in ids[2:] else None for name in getattr(log, kind).to_pylist()
        ]
        assert [ids[number] for number in index] == known_or_none
    # Codes: a b c d e f g h i; "" late typed.
    assert indexed.items.tolist() == [2, 3, 1, 1, 4, 1, 1, 1, 1]
    assert indexed.sources.tolist() == [1, 1, 2]


def test_only_the_first_clicks_and_words_count(log: EventLog) -> None:
    known, indexed = build(log, max_clicks=1, max_words=2)
    assert known.items.ids.to_pylist() == ["a", "b"]
    # "red red shoe" has lost its shoe; the one of "shoe" is left.
    assert known.words.ids.to_pylist() == ["red", "shoe"]
    texts = log.queries.to_pylist()
    for words in (indexed.query_words, known.query_words):
        assert words[texts.index("red red shoe")].tolist() == [2, 2]
        assert words[texts.index("shoe")].tolist() == [3, 0]
        assert words[texts.index("one two three four five")].tolist() == [1, 1]


def test_words_beyond_the_limit_are_not_counted(log: EventLog) -> None:
    # The shoe of "red red shoe" is its third word, so one shoe is left, too rare to be known.
    assert build(log, max_words=2, min_count=2)[0].words.ids.to_pylist() == ["red"]


def test_min_count(log: EventLog) -> None:
    known, indexed = build(log, min_count=2)
    assert known.items.ids.to_pylist() == ["a", "b"]
    assert known.queries.ids.to_pylist() == []
    assert known.words.ids.to_pylist() == ["red", "shoe"]
    assert indexed.queries.tolist() == [1, 1, 1]
    # Users and sources are kept however rare.
    assert known.users.ids.to_pylist() == ["u"]
    assert known.sources.ids.to_pylist() == ["typed"]
