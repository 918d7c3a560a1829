"""Search sessions from KuaiSAR's `src_inter.csv`, which has one row per shown item.

A session is what has one user, search session id, time, keyword and source. Its rows need not
stand together: a session that goes on after other sessions is still one. Where a user's search
session id stands for several sessions, the second is called `ID#2`, and so on, because the log
tables want a session id once a user.

Memory: one chunk, 8 bytes for each run of neighbouring rows of one session, and the rows of those
sessions that do not stand together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.csv_columns import INTEGER, INTEGER_LIST, TEXT
from pipelines.sources.csv_file import CsvFile
from sesrec_tf.data.log_chunk import REJECTED, ROW, LogChunk
from sesrec_tf.data.log_tables import (
    CLICKED_ITEM_IDS,
    ITEM_ID,
    QUERY,
    SESSION_ID,
    SOURCE,
    TIMESTAMP,
    USER_ID,
)

FILE = "src_inter.csv"
COLUMNS = {
    "user_id": TEXT,
    "search_session_id": TEXT,
    "search_session_timestamp": INTEGER,
    "keyword": INTEGER_LIST,
    "search_source": TEXT,
    "item_id": TEXT,
    "click_cnt": INTEGER,
}
EARLIEST = "earliest"
CLICKLESS = (EARLIEST, "drop")
"""A session without a click: its earliest shown item, by the order of the file, counts as clicked,
or the session is left out."""
JOINED = "joins the first row of its session"
NO_CLICK = "session without a click"
"""Why rows of the file are left out."""

_KEY = (USER_ID, SESSION_ID)
# One session: the key alone may stand for several.
_SESSION = (*_KEY, TIMESTAMP, QUERY, SOURCE)
_NAMES = (*_SESSION, ITEM_ID, "clicks", ROW)
_SHOWN, _CLICKED = "shown", "clicked"

Integers = npt.NDArray[np.int64]


class SearchSessions:
    """The sessions of a file, in the order of their first rows.

    Args:
        file: with the columns `COLUMNS`.
        clickless: one of `CLICKLESS`.

    Attributes:
        file: as given.
    """

    def __init__(self, file: CsvFile, clickless: str) -> None:
        self.file = file
        self._clickless = clickless

    def chunks(self) -> Iterator[LogChunk]:
        """Chunks of the searches table; the row of a session is its first.

        Rejected are rows of the file: a session keeps those of its rows that can be read, and is
        lost where none can. Left out are the other rows of a session but its first, and all rows
        of a dropped one.
        """
        scattered = self._scattered()
        gathered = self._gather(scattered)
        shown = None
        for chunk in self._file_chunks():
            shown = chunk.rows if shown is None else pa.concat_tables([shown, chunk.rows])
            starts = _run_starts(shown[USER_ID], shown[SESSION_ID])
            # The last run may go on in the next chunk.
            complete = int(starts[-1]) if len(starts) else 0
            sessions, gathered = self._sessions(shown.slice(0, complete), scattered, gathered)
            yield self._chunk(sessions, chunk.rejected)
            shown = shown.slice(complete)
        if shown is not None and len(shown):
            sessions, _ = self._sessions(shown, scattered, gathered)
            yield self._chunk(sessions, REJECTED.empty_table())

    def _scattered(self) -> npt.NDArray[np.uint64]:
        """Sorted hashes of the keys whose rows do not stand together."""
        hashes, before = [np.zeros(0, np.uint64)], None
        key = ("user_id", "search_session_id")
        for chunk in self.file.chunks(dict.fromkeys(key, TEXT)):
            user, session = (chunk.rows[name] for name in key)
            runs = _hashes(user, session, _run_starts(user, session))
            if len(runs):
                continued = before is not None and runs[0] == before
                hashes.append(runs[1:] if continued else runs)
                before = runs[-1]
        every = np.sort(np.concatenate(hashes))
        return np.unique(every[1:][every[1:] == every[:-1]])

    def _gather(self, scattered: npt.NDArray[np.uint64]) -> pa.Table:
        """The sessions of those keys."""
        rows = self._file_chunks() if len(scattered) else iter(())
        parts = [chunk.rows.filter(pa.array(_is_among(chunk.rows, scattered))) for chunk in rows]
        return self._table(pa.concat_tables(parts)) if parts else None

    def _file_chunks(self) -> Iterator[LogChunk]:
        for chunk in self.file.chunks(COLUMNS):
            yield LogChunk(chunk.rows.rename_columns(_NAMES), chunk.rejected)

    def _sessions(
        self, shown: pa.Table, scattered: npt.NDArray[np.uint64], gathered: pa.Table | None
    ) -> tuple[pa.Table, pa.Table | None]:
        """The sessions that begin in these rows, and the gathered ones that begin later."""
        if gathered is None or len(shown) == 0:
            return self._table(shown), gathered
        alone = self._table(shown.filter(pa.array(~_is_among(shown, scattered))))
        last = shown[ROW][-1].as_py()
        begun = int(np.searchsorted(gathered[ROW].to_numpy(), last, side="right"))
        sessions = pa.concat_tables([alone, gathered.slice(0, begun)]).sort_by(ROW)
        return sessions, gathered.slice(begun)

    def _chunk(self, sessions: pa.Table, rejected: pa.Table) -> LogChunk:
        kept = sessions
        if self._clickless != EARLIEST:
            kept = sessions.filter(sessions[_CLICKED])
        shown, of_kept = (pc.sum(each[_SHOWN]).as_py() or 0 for each in (sessions, kept))
        left_out = {JOINED: of_kept - len(kept), NO_CLICK: shown - of_kept}
        return LogChunk(
            kept.drop_columns([_SHOWN, _CLICKED]),
            rejected,
            {reason: count for reason, count in left_out.items() if count},
        )

    def _table(self, shown: pa.Table) -> pa.Table:
        """The searches table of the rows of complete sessions, the dropped ones included.

        Also how many rows each has and whether one was clicked, see `_chunk`.
        """
        session = _numbers(shown, _SESSION)
        _, first = np.unique(session, return_index=True)
        clicked = shown["clicks"].to_numpy() > 0
        has_click = np.bincount(session[clicked], minlength=len(first)) > 0
        clicked[first[~has_click]] = True
        sessions = shown.select([ROW, *_SESSION]).take(first)
        items = _distinct_items(session[clicked], shown[ITEM_ID].filter(clicked), len(first))
        place = sessions.column_names.index(SESSION_ID)
        return (
            sessions.set_column(place, SESSION_ID, _session_ids(sessions))
            .append_column(CLICKED_ITEM_IDS, items)
            .append_column(_SHOWN, pa.array(np.bincount(session, minlength=len(first))))
            .append_column(_CLICKED, pa.array(has_click))
        )


def _numbers(table: pa.Table, columns: Sequence[str]) -> Integers:
    """`[N]` number of each row's values, in the order of their first appearance."""
    numbers = np.zeros(len(table), np.int64)
    for name in columns:
        codes = table[name].combine_chunks().dictionary_encode()
        size = max(len(codes.dictionary), 1)
        numbers, _ = pd.factorize(numbers * size + codes.indices.to_numpy())
    return numbers


def _session_ids(sessions: pa.Table) -> pa.Array:
    """The ids, `ID#n` for the nth session of one id."""
    key = pd.Series(_numbers(sessions, _KEY))
    number = key.groupby(key).cumcount().to_numpy() + 1
    ids = sessions[SESSION_ID].combine_chunks()
    numbered = pc.binary_join_element_wise(ids, pa.array(number).cast(pa.string()), "#")
    return pc.if_else(pa.array(number > 1), numbered, ids)


def _distinct_items(session: Integers, items: pa.ChunkedArray, sessions: int) -> pa.Array:
    """Items of each session separated by spaces, each where it is clicked first.

    Args:
        session: `[N]` places of the sessions of the clicks.
        items: `[N]` clicked items, in the order of the file.
        sessions: how many there are.
    """
    codes = items.combine_chunks().dictionary_encode().indices.to_numpy()
    _, first = np.unique(session * (len(items) + 1) + codes, return_index=True)
    first = np.sort(first)
    # Stable: the items of a session stay in the order they were shown.
    order = first[np.argsort(session[first], kind="stable")]
    counts = np.bincount(session[first], minlength=sessions)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), items.take(order).combine_chunks())
    return pc.binary_join(lists, " ")


def _run_starts(user: pa.ChunkedArray, session: pa.ChunkedArray) -> Integers:
    """Places where another session begins than in the row before."""
    if len(user) == 0:
        return np.zeros(0, np.int64)
    changes = pc.or_(
        pc.not_equal(user.slice(1), user.slice(0, len(user) - 1)),
        pc.not_equal(session.slice(1), session.slice(0, len(session) - 1)),
    )
    return np.concatenate([[0], np.flatnonzero(changes.to_numpy()) + 1])


def _hashes(
    user: pa.ChunkedArray, session: pa.ChunkedArray, places: Integers
) -> npt.NDArray[np.uint64]:
    """Of the keys at these places; two keys of one hash are only looked at more closely."""
    keys = pc.binary_join_element_wise(user.take(places), session.take(places), " ")
    return pd.util.hash_array(np.asarray(keys.to_pylist(), object), categorize=False)


def _is_among(shown: pa.Table, scattered: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    user, session = shown[USER_ID], shown[SESSION_ID]
    starts = _run_starts(user, session)
    lengths = np.diff(np.append(starts, len(shown)))
    return np.repeat(np.isin(_hashes(user, session, starts), scattered), lengths)
