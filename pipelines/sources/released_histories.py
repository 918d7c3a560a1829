"""Histories of a release's users: lists of items and of search sessions, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.id_codes import PADDING, IdCodes, Integers, id_array, padding_left_out
from sesrec_tf.errors import InputError


class HistoryKeys(NamedTuple):
    """Keys of a user's entry.

    Attributes:
        items, sessions: of the two lists.
        item_times, session_times: of their times, or `None`.
    """

    items: str
    sessions: str
    item_times: str | None = None
    session_times: str | None = None


@dataclass(frozen=True)
class Events:
    """Lists of one kind of event, one list a user, one after another.

    Attributes:
        offsets: `[U + 1]` where each user's list begins.
        codes: `[E]` of items or sessions, `PADDING` for no event; no list ends with that.
        times: `[E]` or `None`.
        padding: how much of it followed the last events of the lists.
    """

    offsets: Integers
    codes: Integers
    times: npt.NDArray[np.float64] | None = None
    padding: int = 0

    @property
    def lengths(self) -> Integers:
        """`[U]` of the lists."""
        return np.diff(self.offsets)

    @property
    def users(self) -> Integers:
        """`[E]` whose list each event is in."""
        return np.repeat(np.arange(len(self.lengths)), self.lengths)

    @property
    def places(self) -> Integers:
        """`[E]` of the events in their lists, from 0."""
        return np.arange(len(self.codes)) - np.repeat(self.offsets[:-1], self.lengths)

    def left_out(self, start: int, end: int) -> dict[str, int]:
        """How much padding there is from one event to another, see `LogChunk`.

        What was cut off counts at the first event.
        """
        within = int(np.count_nonzero(self.codes[start:end] == PADDING))
        return padding_left_out(within + (0 if start else self.padding))


@dataclass(frozen=True)
class ReleasedHistories:
    """What each user did, by the user's code.

    Attributes:
        interactions, searches: `U` lists each.
    """

    interactions: Events
    searches: Events

    @classmethod
    def of(
        cls,
        entries: Mapping[Any, Any],
        path: Path,
        keys: HistoryKeys,
        codes: tuple[IdCodes, IdCodes, IdCodes],
    ) -> ReleasedHistories:
        """Reads the entries of a user vocabulary.

        Args:
            entries: by user, dictionaries with `keys`.
            path: of the file, for messages.
            keys: of an entry.
            codes: of users, none met before, of items and of sessions.

        Raises:
            InputError: if an entry lacks a list, or a list holds something else than ids.
        """
        users, items, sessions = codes
        users.codes(id_array(list(entries), f"{path}: the users"))
        if len(users) != len(entries):
            raise InputError(
                f"{path} has two users of one id. Expected every id once. Received: "
                f"{len(entries)} users of {len(users)} ids. Give the file as it was published."
            )
        return cls(
            _events(entries, path, keys.items, items, keys.item_times),
            _events(entries, path, keys.sessions, sessions, keys.session_times),
        )


def _lists(entries: Mapping[Any, Any], path: Path, key: str) -> list[Any]:
    lists = [entry.get(key) if isinstance(entry, dict) else None for entry in entries.values()]
    for user, values in zip(entries, lists, strict=True):
        if not isinstance(values, (list, tuple, np.ndarray)):
            raise InputError(
                f"{path}: the entry of user {user!s:.80} has no list {key}. Expected a dictionary "
                f"with the lists of its events. Received: {type(values).__name__}. Give the file "
                "as it was published."
            )
    return lists


def _events(
    entries: Mapping[Any, Any], path: Path, key: str, ids: IdCodes, times: str | None
) -> Events:
    lists = _lists(entries, path, key)
    moments = None if times is None else _moments(lists, _lists(entries, path, times))
    lengths = np.fromiter(map(len, lists), np.int64, len(lists))
    codes = ids.codes(id_array(list(chain.from_iterable(lists)), f"{path}: {key}"))
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return _without_trailing_padding(Events(offsets, codes, moments))


def _moments(lists: list[Any], times: list[Any]) -> npt.NDArray[np.float64]:
    """`[E]` times; all 0 for a user who has not one number for each event."""
    moments = [np.zeros(len(events)) for events in lists]
    for moment, values in zip(moments, times, strict=True):
        try:
            column = pa.array(values)
        except (pa.ArrowException, TypeError, ValueError):
            continue
        number = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
        if len(column) == len(moment) and number and column.null_count == 0:
            moment[:] = column.to_numpy()
    return np.concatenate([np.zeros(0), *moments])


def _without_trailing_padding(events: Events) -> Events:
    lengths = np.zeros_like(events.lengths)
    real = np.where(events.codes == PADDING, 0, events.places + 1)
    np.maximum.at(lengths, events.users, real)
    kept = events.places < lengths[events.users]
    times = None if events.times is None else events.times[kept]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Events(offsets, events.codes[kept], times, len(kept) - int(kept.sum()))
