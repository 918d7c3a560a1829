"""Both logs encoded as integers and put in (user, event) order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data import log_tables
from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.data.user_buckets import user_codes

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Interactions:
    """Columns of the interactions, `[R]` each, users one after another, oldest event first.

    Attributes:
        row: number of the row in the log table, from 0.
        user, item: codes of the ids.
        time: ticks of the time unit.
        earlier_interactions, earlier_searches: events of the same user before this one.
        given_split: `[R]` int8 index into `SPLITS`, -1 for none, or `None` where the log says
            nothing of splits.
        negative_offsets, negatives: `[R + 1]` and item codes of the negatives that the log gives,
            as `click_offsets` and `clicks`; or `None`.
    """

    row: Integers
    user: Integers
    item: Integers
    time: Integers
    earlier_interactions: Integers
    earlier_searches: Integers
    given_split: npt.NDArray[np.int8] | None = None
    negative_offsets: Integers | None = None
    negatives: Integers | None = None


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
    """Both logs, of all users or of some. Code n of an id is its place among the distinct ids.

    Users are ordered by (hash, id), see `user_buckets`, and the events of one user by (timestamp,
    interaction before search, row number).

    Attributes:
        users: distinct ids, in the order of users.
        user_bucket: `[U]` bucket of each.
        items, queries, sources: distinct ids, sorted by code point.
        interactions, searches: the events.
        first_interaction, first_search: `[U + 1]`, where the events of each user begin.
    """

    users: pa.Array
    user_bucket: Integers
    items: pa.Array
    queries: pa.Array
    sources: pa.Array
    interactions: Interactions
    searches: Searches
    first_interaction: Integers
    first_search: Integers

    @classmethod
    def of(cls, feed: pa.Table, log: pa.Table) -> EventLog:
        """Encodes and orders the events.

        Args:
            feed, log: rows as `valid_rows.INTERACTIONS` and `SEARCHES` say, in any order, no
                session of a user twice.
        """
        users, user_bucket, (feed_user, search_user) = user_codes(
            _column(feed, log_tables.USER_ID), _column(log, log_tables.USER_ID)
        )
        click_offsets, clicked = _lists(log, log_tables.CLICKED_ITEM_IDS)
        negative_offsets, negative = _lists(feed, log_tables.NEGATIVE_ITEM_IDS)
        items, (feed_item, clicks, negatives) = sorted_codes(
            _column(feed, log_tables.ITEM_ID), clicked, negative
        )
        queries, (query,) = sorted_codes(_column(log, log_tables.QUERY))
        sources, (source,) = sorted_codes(_column(log, log_tables.SOURCE))
        feed_time, search_time, feed_row, search_row = (
            _column(table, name).to_numpy()
            for name in (log_tables.TIMESTAMP, ROW)
            for table in (feed, log)
        )
        order = _EventOrder.of(
            (feed_user, feed_time, feed_row), (search_user, search_time, search_row)
        )
        rows, feed_rows = order.search_rows, order.interaction_rows
        click_offsets, clicks = _reorder_lists(click_offsets, clicks, rows)
        negative_offsets, negatives = _reorder_lists(negative_offsets, negatives, feed_rows)
        has_negatives = feed[log_tables.NEGATIVE_ITEM_IDS].null_count < max(len(feed), 1)
        return cls(
            users=users,
            user_bucket=user_bucket,
            items=items,
            queries=queries,
            sources=sources,
            interactions=Interactions(
                row=feed_row[feed_rows],
                user=feed_user[feed_rows],
                item=feed_item[feed_rows],
                time=feed_time[feed_rows],
                earlier_interactions=order.interactions_before_interaction,
                earlier_searches=order.searches_before_interaction,
                given_split=_given_split(feed, feed_rows),
                negative_offsets=negative_offsets if has_negatives else None,
                negatives=negatives if has_negatives else None,
            ),
            searches=Searches(
                row=search_row[rows],
                user=search_user[rows],
                time=search_time[rows],
                session_id=_column(log, log_tables.SESSION_ID).take(pa.array(rows)),
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
        feed: tuple[Integers, Integers, Integers],
        sessions: tuple[Integers, Integers, Integers],
    ) -> _EventOrder:
        """From (user, time, row number) of every row of both tables."""
        size = len(feed[0])
        user, time, row = (np.concatenate(pair) for pair in zip(feed, sessions, strict=True))
        is_search = np.arange(len(user)) >= size
        order = np.lexsort((row, is_search, time, user))
        user, is_search = user[order], is_search[order]
        first = np.searchsorted(user, user)
        searches: Integers = np.cumsum(is_search) - is_search
        searches = searches - searches[first]
        interactions = np.arange(len(user)) - first - searches
        is_interaction = ~is_search
        return cls(
            interaction_rows=order[is_interaction],
            search_rows=order[is_search] - size,
            interactions_before_interaction=interactions[is_interaction],
            searches_before_interaction=searches[is_interaction],
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


def _column(table: pa.Table, name: str) -> pa.Array:
    return table[name].combine_chunks()


def _lists(table: pa.Table, name: str) -> tuple[Integers, pa.Array]:
    """Offsets and values of a column of lists, a null one being empty."""
    lists = _column(table, name)
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), pc.list_flatten(lists)


def _given_split(feed: pa.Table, rows: Integers) -> npt.NDArray[np.int8] | None:
    split = feed[log_tables.SPLIT]
    if split.null_count == len(split):
        return None
    return pc.fill_null(split, -1).to_numpy().astype(np.int8)[rows]
