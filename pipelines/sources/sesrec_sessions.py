"""Search sessions of the SESRec package."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.id_codes import id_array
from pipelines.sources.release_searches import Sessions
from pipelines.sources.text_lists import joined, text_lists
from sesrec_tf.errors import InputError

RELEVANT = "relevant"
CLICKLESS = (RELEVANT, "none")
"""A session without a click: its most relevant shown item counts as clicked, as in the authors'
code, or nothing does."""

PADDING = "0"

_WORDS, _CLICKS, _RELEVANT_ITEM, _SOURCE = _KEYS = (
    "keyword_seg",
    "click_items",
    "relevant_item",
    "search_source",
)
_LISTS = _KEYS[:3]
_ID = (str, int, np.integer)


class SesrecSessions:
    """Query, source and clicks by session.

    Args:
        sessions: the content of `s_session_vocab.pickle`.
        words: the content of `word_vocab.pickle`, empty where there is none.
        clickless: one of `CLICKLESS`.
    """

    def __init__(self, sessions: dict[Any, Any], words: dict[Any, Any], clickless: str) -> None:
        self._sessions: dict[str, Any] = _by_text(sessions)
        self._words = _words(words)
        self._clickless = clickless

    def of(self, ids: list[str]) -> Sessions:
        """What is known of some sessions, those that are there and well formed."""
        found = [self._sessions.get(each) for each in ids]
        known = [_has_lists(entry) for entry in found]
        try:
            return self._columns(found, known)
        except InputError:
            known = [good and _holds_ids(entry) for good, entry in zip(known, found, strict=True)]
            return self._columns(found, known)

    def _columns(self, found: list[Any], known: list[bool]) -> Sessions:
        entries = [entry if good else {} for good, entry in zip(known, found, strict=True)]
        clicks = [_without_padding(entry.get(_CLICKS, ())) for entry in entries]
        if self._clickless == RELEVANT:
            clicks = [
                items or _without_padding(entry.get(_RELEVANT_ITEM, ()))
                for items, entry in zip(clicks, entries, strict=True)
            ]
        words = [_without_padding(entry.get(_WORDS, ())) for entry in entries]
        source = id_array([entry.get(_SOURCE, "") for entry in entries], _SOURCE)
        return Sessions(
            query=joined(_texts(words, self._words)),
            source=source.cast(pa.large_string()),
            clicked_item_ids=_texts(clicks, {}),
            known=np.asarray(known, np.bool_),
        )


def _by_text(vocabulary: dict[Any, Any]) -> dict[str, Any]:
    """A dictionary by the text of its keys, which may be integers."""
    if all(isinstance(key, str) for key in vocabulary):
        return vocabulary
    return {str(key): value for key, value in vocabulary.items()}


def _words(vocabulary: dict[Any, Any]) -> dict[str, str]:
    """Words by the text of their ids, of those that a query can hold."""
    by_word = {
        word: entry.get("id") if isinstance(entry, dict) else entry
        for word, entry in vocabulary.items()
    }
    if any(isinstance(word, str) for word in by_word):
        words = {str(number): str(word) for word, number in by_word.items()}
    else:
        words = {str(number): str(word) for number, word in by_word.items()}
    # A word of several parts would be several words.
    return {number: word for number, word in words.items() if word.split() == [word]}


def _has_lists(entry: object) -> bool:
    if not isinstance(entry, dict) or _WORDS not in entry:
        return False
    return all(isinstance(entry.get(key, ()), (list, tuple, np.ndarray)) for key in _LISTS)


def _holds_ids(entry: Any) -> bool:
    values = chain(*(entry.get(key, ()) for key in _LISTS), [entry.get(_SOURCE, "")])
    return all(isinstance(value, _ID) for value in values)


def _without_padding(values: Sequence[Any]) -> list[Any]:
    return [value for value in values if value not in (0, PADDING)]


def _texts(lists: list[list[Any]], names: Mapping[str, str]) -> pa.LargeListArray:
    """Lists of ids as text, under their names where they have one."""
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    ids = id_array(list(chain.from_iterable(lists)), "a session")
    encoded = ids.dictionary_encode()
    texts = encoded.dictionary.cast(pa.large_string()).to_pylist()
    named = pa.array([names.get(text, text) for text in texts], pa.large_string())
    return text_lists(lengths, pc.take(named, encoded.indices))
