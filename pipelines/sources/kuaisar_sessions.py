"""Search sessions from KuaiSAR's `src_inter.csv`, which has one row per shown item.

A session is what has one user, search session id, time, keyword and source. Its rows need not
stand together: a session that goes on after other sessions is still one. Where a user's search
session id stands for several sessions, the second is called `ID#2`, and so on, because the log
tables want a session id once a user.

Memory: one chunk, 8 bytes for each run of neighbouring rows of one session, and the rows of those
sessions that do not stand together.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.csv_file import CsvFile, TextRows
from sesrec_tf.data import log_tables

FILE = "src_inter.csv"
KEY = ("user_id", "search_session_id")
COLUMNS = (
    *KEY,
    "search_session_timestamp",
    "keyword",
    "search_source",
    "item_id",
    "click_cnt",
)
EARLIEST = "earliest"
CLICKLESS = (EARLIEST, "drop")
"""A session without a click: its earliest shown item, by the order of the file, counts as clicked,
or the session is left out."""

_KEY = ["user_id", "session_id"]
# One session: the key alone may stand for several.
_SESSION = [*_KEY, "timestamp", "query", "source"]

Integers = npt.NDArray[np.int64]


class SearchSessions:
    """The sessions of a file, in the order of their first rows.

    Several sessions of one id stand together, where the first of them stands.

    Args:
        file: with the columns `COLUMNS`.
        clickless: one of `CLICKLESS`.
    """

    def __init__(self, file: CsvFile, clickless: str) -> None:
        self._file = file
        self._clickless = clickless

    def chunks(self) -> Iterator[pd.DataFrame]:
        """Chunks of the searches table.

        Raises:
            InputError: naming the line of a keyword that is no list of integers, or of a time or
                number of clicks that is no integer.
        """
        scattered = self._scattered()
        gathered = self._gather(scattered)
        shown = None
        for rows in self._file.batches(COLUMNS):
            batch = self._shown_items(rows)
            shown = batch if shown is None else pa.concat_tables([shown, batch])
            starts = _run_starts(shown["user_id"], shown["session_id"])
            # The last run may go on in the next batch.
            complete = int(starts[-1]) if len(starts) else 0
            yield self._sessions(shown.slice(0, complete), scattered, gathered)
            shown = shown.slice(complete)
        if shown is not None and len(shown):
            yield self._sessions(shown, scattered, gathered)

    def _scattered(self) -> npt.NDArray[np.uint64]:
        """Sorted hashes of the keys whose rows do not stand together."""
        hashes, before = [np.zeros(0, np.uint64)], None
        for rows in self._file.batches(KEY):
            user, session = (rows.columns[name] for name in KEY)
            runs = _hashes(user, session, _run_starts(user, session))
            if len(runs):
                continued = before is not None and runs[0] == before
                hashes.append(runs[1:] if continued else runs)
                before = runs[-1]
        every = np.sort(np.concatenate(hashes))
        return np.unique(every[1:][every[1:] == every[:-1]])

    def _gather(self, scattered: npt.NDArray[np.uint64]) -> pa.Table | None:
        """The rows of those keys, with the row where the key is met first as `first_row`."""
        if len(scattered) == 0:
            return None
        parts = []
        for rows in self._file.batches(COLUMNS):
            shown = self._shown_items(rows)
            parts.append(shown.filter(pa.array(_is_among(shown, scattered))))
        gathered = pa.concat_tables(parts)
        frame = log_tables.log_frame(gathered.select([*_KEY, "row"]))
        first = frame.groupby(_KEY, sort=False)["row"].transform("min")
        return gathered.append_column("first_row", pa.array(first.to_numpy(np.int64)))

    def _shown_items(self, rows: TextRows) -> pa.Table:
        columns = rows.columns
        return pa.table(
            {
                "row": np.arange(rows.first, rows.first + len(columns)),
                "user_id": columns["user_id"],
                "session_id": columns["search_session_id"],
                "timestamp": self._file.integers(rows, "search_session_timestamp"),
                "query": self._file.integer_lists(rows, "keyword"),
                "source": columns["search_source"],
                "item_id": columns["item_id"],
                "clicked": self._file.integers(rows, "click_cnt") > 0,
            }
        )

    def _sessions(
        self, shown: pa.Table, scattered: npt.NDArray[np.uint64], gathered: pa.Table | None
    ) -> pd.DataFrame:
        if gathered is not None and len(shown):
            begin, end = shown["row"][0].as_py(), shown["row"][-1].as_py()
            first = gathered["first_row"]
            begun = pc.and_(pc.greater_equal(first, begin), pc.less_equal(first, end))
            alone = shown.filter(pa.array(~_is_among(shown, scattered)))
            moved = gathered.filter(begun).drop(["first_row"])
            shown = pa.concat_tables([alone, moved]).sort_by("row")
        return _table(shown, keep_clickless=self._clickless == EARLIEST)


def _table(shown: pa.Table, keep_clickless: bool) -> pd.DataFrame:
    """The searches table of the rows of complete sessions, in the order of the file."""
    frame = log_tables.log_frame(shown)
    session = frame.groupby(_SESSION, sort=False).ngroup().to_numpy(np.int64)
    _, first = np.unique(session, return_index=True)
    sessions = frame.iloc[first].reset_index(drop=True)
    clicked = frame["clicked"].to_numpy(np.bool_, copy=True)
    has_click = np.bincount(session[clicked], minlength=len(first)) > 0
    clicked[first[~has_click]] = keep_clickless
    clicks = frame[["item_id"]].assign(session=session)[clicked]
    table = pd.DataFrame(
        {
            log_tables.USER_ID: sessions["user_id"],
            log_tables.SESSION_ID: _session_ids(sessions),
            log_tables.QUERY: sessions["query"],
            log_tables.SOURCE: sessions["source"],
            log_tables.CLICKED_ITEM_IDS: _distinct_items(clicks, len(first)),
            log_tables.TIMESTAMP: sessions["timestamp"],
        }
    )
    # Sessions of one id stand together, wherever chunks end.
    place = sessions.groupby(_KEY, sort=False).ngroup().argsort(kind="stable").to_numpy()
    kept = place[(has_click | keep_clickless)[place]]
    return table.iloc[kept].reset_index(drop=True)


def _distinct_items(clicks: pd.DataFrame, sessions: int) -> pd.Series:
    """Items of each session separated by spaces, each where it is clicked first."""
    # Stable: the items of a session stay in the order they were shown.
    distinct = clicks.drop_duplicates().sort_values("session", kind="stable")
    counts = np.bincount(distinct["session"].to_numpy(np.int64), minlength=sessions)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    items = pa.array(distinct["item_id"].to_numpy(object), pa.string())
    lists = pa.LargeListArray.from_arrays(pa.array(offsets), items)
    joined = pd.arrays.ArrowExtensionArray(pc.binary_join(lists, " "))
    return pd.Series(joined)


def _session_ids(sessions: pd.DataFrame) -> pd.Series:
    number = sessions.groupby(_KEY, sort=False).cumcount() + 1
    again = number.to_numpy() > 1
    ids = sessions["session_id"].copy()
    ids[again] = ids[again] + "#" + number[again].astype(str).astype(ids.dtype)
    return ids


def _run_starts(user: pa.Array | pa.ChunkedArray, session: pa.Array | pa.ChunkedArray) -> Integers:
    """Places where another session begins than in the row before."""
    if len(user) == 0:
        return np.zeros(0, np.int64)
    changes = pc.or_(
        pc.not_equal(user.slice(1), user.slice(0, len(user) - 1)),
        pc.not_equal(session.slice(1), session.slice(0, len(session) - 1)),
    )
    return np.concatenate([[0], np.flatnonzero(changes.to_numpy(zero_copy_only=False)) + 1])


def _hashes(
    user: pa.Array | pa.ChunkedArray, session: pa.Array | pa.ChunkedArray, places: Integers
) -> npt.NDArray[np.uint64]:
    """Of the keys at these places; two keys of one hash are only looked at more closely."""
    keys = pc.binary_join_element_wise(user.take(places), session.take(places), " ")
    return pd.util.hash_array(np.asarray(keys.to_pylist(), object), categorize=False)


def _is_among(shown: pa.Table, scattered: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    user, session = shown["user_id"], shown["session_id"]
    starts = _run_starts(user, session)
    lengths = np.diff(np.append(starts, len(shown)))
    return np.repeat(np.isin(_hashes(user, session, starts), scattered), lengths)
