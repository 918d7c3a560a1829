"""Both logs validated, encoded as integers and put in (user, event) order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from sesrec_tf.data import log_columns, log_tables
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.errors import InputError

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Interactions:
    """Columns of the interactions, `[R]` each, users one after another, oldest event first.

    Attributes:
        row: number of the row in the log table, from 0.
        user, item: codes of the ids.
        time: ticks of the time unit.
        earlier_interactions, earlier_searches: events of the same user before this one.
    """

    row: Integers
    user: Integers
    item: Integers
    time: Integers
    earlier_interactions: Integers
    earlier_searches: Integers


@dataclass(frozen=True)
class Searches:
    """Columns of the search sessions, `[S]` each, users one after another, oldest first.

    Attributes:
        row, user, time: as for interactions.
        session_id: raw ids.
        query, source: codes of the whole text and of the source.
        earlier_interactions: interactions of the same user before this session.
        click_offsets, clicks: `[S + 1]` and codes of all clicked items; session n has those from
            `click_offsets[n]` to `click_offsets[n + 1]`.
    """

    row: Integers
    user: Integers
    time: Integers
    session_id: pa.Array
    query: Integers
    source: Integers
    earlier_interactions: Integers
    click_offsets: Integers
    clicks: Integers


@dataclass(frozen=True)
class EventLog:
    """Both logs. Code n of an id is its place among the sorted distinct ids.

    Events of one user are ordered by (timestamp, interaction before search, row number).

    Attributes:
        users, items, queries, sources: distinct ids, sorted by code point.
        interactions, searches: the events.
        first_interaction, first_search: `[U + 1]`, where the events of each user begin.
    """

    users: pa.Array
    items: pa.Array
    queries: pa.Array
    sources: pa.Array
    interactions: Interactions
    searches: Searches
    first_interaction: Integers
    first_search: Integers

    @classmethod
    def from_tables(cls, tables: LogTables, time_unit: str) -> EventLog:
        """Validates, encodes and orders the events.

        Raises:
            InputError: for the first value that breaks the rules of `LogTables`.
        """
        feed, log = tables.interactions, tables.searches
        names = "interactions", "searches"
        users, (feed_user, search_user) = sorted_codes(
            log_columns.identifier_column(feed, names[0], log_tables.USER_ID),
            log_columns.identifier_column(log, names[1], log_tables.USER_ID),
        )
        click_offsets, clicked = log_columns.identifier_list_column(
            log, names[1], log_tables.CLICKED_ITEM_IDS
        )
        items, (feed_item, clicks) = sorted_codes(
            log_columns.identifier_column(feed, names[0], log_tables.ITEM_ID), clicked
        )
        queries, (query,) = sorted_codes(log_columns.query_column(log, names[1], log_tables.QUERY))
        sources, (source,) = sorted_codes(log_columns.text_column(log, names[1], log_tables.SOURCE))
        session_id = log_columns.identifier_column(log, names[1], log_tables.SESSION_ID)
        _refuse_repeated_sessions(search_user, session_id, users, queries.take(pa.array(query)))
        feed_time, search_time = (
            log_columns.time_column(frame, name, log_tables.TIMESTAMP, time_unit)
            for frame, name in zip((feed, log), names, strict=True)
        )
        order = _EventOrder.of(feed_user, feed_time, search_user, search_time)
        rows = order.search_rows
        click_offsets, clicks = _reorder_lists(click_offsets, clicks, rows)
        return cls(
            users=users,
            items=items,
            queries=queries,
            sources=sources,
            interactions=Interactions(
                row=order.interaction_rows,
                user=feed_user[order.interaction_rows],
                item=feed_item[order.interaction_rows],
                time=feed_time[order.interaction_rows],
                earlier_interactions=order.interactions_before_interaction,
                earlier_searches=order.searches_before_interaction,
            ),
            searches=Searches(
                row=rows,
                user=search_user[rows],
                time=search_time[rows],
                session_id=session_id.take(pa.array(rows)),
                query=query[rows],
                source=source[rows],
                earlier_interactions=order.interactions_before_search,
                click_offsets=click_offsets,
                clicks=clicks,
            ),
            first_interaction=_offsets(feed_user, len(users)),
            first_search=_offsets(search_user, len(users)),
        )


@dataclass(frozen=True)
class _EventOrder:
    """Where the merged order puts the rows of both tables, and what precedes each event."""

    interaction_rows: Integers
    search_rows: Integers
    interactions_before_interaction: Integers
    searches_before_interaction: Integers
    interactions_before_search: Integers

    @classmethod
    def of(
        cls,
        feed_user: Integers,
        feed_time: Integers,
        search_user: Integers,
        search_time: Integers,
    ) -> _EventOrder:
        user = np.concatenate([feed_user, search_user])
        time = np.concatenate([feed_time, search_time])
        is_search = np.arange(len(user)) >= len(feed_user)
        # Stable: at equal time interactions stay before searches, and rows as in their file.
        order = np.lexsort((time, user))
        user, is_search = user[order], is_search[order]
        first = np.searchsorted(user, user)
        searches: Integers = np.cumsum(is_search) - is_search
        searches = searches - searches[first]
        interactions = np.arange(len(user)) - first - searches
        feed = ~is_search
        return cls(
            interaction_rows=order[feed],
            search_rows=order[is_search] - len(feed_user),
            interactions_before_interaction=interactions[feed],
            searches_before_interaction=searches[feed],
            interactions_before_search=interactions[is_search],
        )


def _offsets(codes: Integers, size: int) -> Integers:
    return np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=size))])


def _reorder_lists(
    offsets: Integers, values: Integers, rows: Integers
) -> tuple[Integers, Integers]:
    """The lists of `rows`, in that order."""
    lengths = np.diff(offsets)[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    source = np.repeat(offsets[rows] - ends[:-1], lengths) + np.arange(ends[-1])
    return ends, values[source]


def _refuse_repeated_sessions(
    user: Integers, session_id: pa.Array, users: pa.Array, queries: pa.Array
) -> None:
    sessions, (session,) = sorted_codes(session_id)
    key = pd.Series(user * len(sessions) + session)
    again = np.flatnonzero(key.duplicated())
    if len(again) == 0:
        return
    second = int(again[0])
    first = int(np.flatnonzero(key == key[second])[0])
    raise InputError(
        f"searches: session {session_id[first].as_py()!r} of user "
        f"{users[int(user[first])].as_py()!r} stands in data rows {first + 1} and {second + 1}, "
        f"with the queries {queries[first].as_py()!r} and {queries[second].as_py()!r}. Expected "
        "one row a session. Give every query its own session id and put all its clicks in one row."
    )
