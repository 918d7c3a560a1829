"""The searches table of a release."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.id_codes import PADDING, Integers
from pipelines.sources.released_events import ReleasedEvents
from pipelines.sources.released_histories import Events
from sesrec_tf.data import log_tables
from sesrec_tf.data.log_chunk import CHUNK_ROWS, ROW, LogChunk, rejection


class Sessions(NamedTuple):
    """What is known of `N` sessions.

    Attributes:
        query: words separated by spaces.
        source: "" for an unknown one.
        clicked_item_ids: lists.
        known: whether the release has the session; the other columns mean nothing where not.
    """

    query: pa.Array
    source: pa.Array
    clicked_item_ids: pa.Array
    known: npt.NDArray[np.bool_]


def search_chunks(
    events: ReleasedEvents,
    ids: pa.Array,
    sessions: Callable[[Integers], Sessions],
    problem: tuple[str, str],
) -> Iterator[LogChunk]:
    """One row for each session of each user, so that a session of two users gives two.

    Args:
        events: histories and positions.
        ids: of sessions by code; where one stands again in a user's list it is called `ID#2`.
        sessions: looks codes up.
        problem: reason and expectation for a session that is not known.
    """
    searches = events.histories.searches
    users, again = searches.users, _occurrence(searches)
    for start in range(0, max(1, len(users)), CHUNK_ROWS):
        end = start + CHUNK_ROWS
        kept = np.flatnonzero(searches.codes[start:end] != PADDING) + start
        found = sessions(searches.codes[kept])
        rows = pa.table(
            {
                ROW: kept,
                log_tables.USER_ID: events.user_texts(users[kept]),
                log_tables.SESSION_ID: _numbered(
                    ids.take(pa.array(searches.codes[kept])), again[kept]
                ),
                log_tables.QUERY: found.query,
                log_tables.SOURCE: found.source,
                log_tables.CLICKED_ITEM_IDS: found.clicked_item_ids,
                log_tables.TIMESTAMP: events.search_times[kept],
            }
        )
        missing = rows.filter(pa.array(~found.known))
        content = missing.select([log_tables.USER_ID, log_tables.SESSION_ID])
        rejected = rejection(missing[ROW].to_numpy(), *problem, content)
        left_out = searches.left_out(start, end)
        yield LogChunk(rows.filter(pa.array(found.known)), rejected, left_out)


def _occurrence(searches: Events) -> Integers:
    """How often the session stood in the same list before."""
    order = np.lexsort((searches.codes, searches.users))
    user, code = searches.users[order], searches.codes[order]
    begins = np.ones(len(order), np.bool_)
    begins[1:] = (user[1:] != user[:-1]) | (code[1:] != code[:-1])
    place = np.arange(len(order))
    result = np.empty(len(order), np.int64)
    result[order] = place - np.maximum.accumulate(np.where(begins, place, 0))
    return result


def _numbered(ids: pa.Array, again: Integers) -> pa.Array:
    if not again.any():
        return ids
    texts = [
        f"{text}#{number + 1}" if number else text
        for text, number in zip(ids.to_pylist(), again.tolist(), strict=True)
    ]
    return pa.array(texts, pa.large_string())
