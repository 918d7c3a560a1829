"""The event tables of a prepared data set as integer columns."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.sorted_codes import sorted_codes
from sesrec_tf.errors import InputError

Texts = npt.NDArray[np.object_]

_INTERACTIONS = (
    *("user_id", "item_id", "item", "timestamp", "split"),
    *("earlier_interactions", "earlier_searches"),
)
_SEARCHES = (
    *("user_id", "source_name", "clicked_item_ids", "clicked_items", "timestamp"),
    "earlier_interactions",
)


@dataclass(frozen=True)
class FeedEvents:
    """All interactions, `[R]` each.

    Attributes:
        user: codes shared with the searches, unknown users told apart.
        item: codes shared with the clicks, unknown items told apart.
        item_index: indices of the vocabulary, 1 for every unknown item.
        time: ticks.
        split: name of the split whose instance this is, or "".
        earlier_interactions, earlier_searches: events of the same user before this one.
    """

    user: Integers
    item: Integers
    item_index: Integers
    time: Integers
    split: Texts
    earlier_interactions: Integers
    earlier_searches: Integers


@dataclass(frozen=True)
class SearchEvents:
    """All search sessions, `[S]` each, and their `N` clicks.

    Attributes:
        user: codes shared with the feed.
        source, sources: code of each session's source and the name of every code.
        time: ticks.
        earlier_interactions: interactions of the same user before this session.
        click_search, click_item, click_item_index: `[N]`, the session of every click (from 0),
            the item's code and its index.
    """

    user: Integers
    source: Integers
    sources: tuple[str, ...]
    time: Integers
    earlier_interactions: Integers
    click_search: Integers
    click_item: Integers
    click_item_index: Integers


@dataclass(frozen=True)
class PreparedEvents:
    """Both event tables of a prepared data set, with the columns that statistics need.

    Attributes:
        feed: the interactions.
        searches: the search sessions.
        users, items: how many codes there are of each.
    """

    feed: FeedEvents
    searches: SearchEvents
    users: int
    items: int

    @classmethod
    def read(cls, dataset: PreparedDataset) -> PreparedEvents:
        """Reads both tables.

        Raises:
            InputError: if one is absent (as in a run directory) or unreadable.
        """
        feed = _read(dataset.path, "interactions", _INTERACTIONS)
        searches = _read(dataset.path, "searches", _SEARCHES)
        clicks = searches["clicked_item_ids"]
        users, (feed_user, search_user) = sorted_codes(
            _texts(feed["user_id"]), _texts(searches["user_id"])
        )
        items, (feed_item, click_item) = sorted_codes(
            _texts(feed["item_id"]), _texts(pc.list_flatten(clicks))
        )
        sources, (source,) = sorted_codes(_texts(searches["source_name"]))
        splits, (split,) = sorted_codes(_texts(feed["split"]))
        return cls(
            feed=FeedEvents(
                user=feed_user,
                item=feed_item,
                item_index=_integers(feed["item"]),
                time=_integers(feed["timestamp"]),
                split=np.array(splits.to_pylist(), np.object_)[split],
                earlier_interactions=_integers(feed["earlier_interactions"]),
                earlier_searches=_integers(feed["earlier_searches"]),
            ),
            searches=SearchEvents(
                user=search_user,
                source=source,
                sources=tuple(sources.to_pylist()),
                time=_integers(searches["timestamp"]),
                earlier_interactions=_integers(searches["earlier_interactions"]),
                click_search=_integers(pc.list_parent_indices(clicks.combine_chunks())),
                click_item=click_item,
                click_item_index=_integers(pc.list_flatten(searches["clicked_items"])),
            ),
            users=len(users),
            items=len(items),
        )


def _read(directory: Path, name: str, columns: tuple[str, ...]) -> pa.Table:
    path = directory / "tables" / f"{name}.parquet"
    if not path.is_file():
        raise InputError(
            f"{directory} holds no event tables: there is no {path}. Expected a whole prepared "
            "data set; a run directory keeps only what its model needs. Give the directory that "
            "`python -m pipelines.prepare` wrote."
        )
    try:
        return pyarrow.parquet.read_table(path, columns=list(columns), partitioning=None)
    except (OSError, ValueError) as error:
        raise InputError(f"{path} is unreadable ({error}). Prepare the data set again.") from error


def _texts(column: pa.ChunkedArray) -> pa.Array:
    return column.cast(pa.large_string()).combine_chunks()


def _integers(column: pa.ChunkedArray | pa.Array) -> Integers:
    return column.to_numpy().astype(np.int64)
