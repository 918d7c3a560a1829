from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.prepared_events import PreparedEvents
from sesrec_tf.errors import InputError


def test_columns_are_those_of_the_tables(tiny_data: PreparedDataset) -> None:
    events = PreparedEvents.read(tiny_data)
    feed, searches = tiny_data.table("interactions"), tiny_data.table("searches")
    users = sorted({*feed["user_id"], *searches["user_id"]})
    assert [users[code] for code in events.feed.user] == feed["user_id"].to_list()
    assert [users[code] for code in events.searches.user] == searches["user_id"].to_list()
    assert events.users == len(users) == tiny_data.info["counts"]["users"]
    assert events.items == tiny_data.info["counts"]["items"]
    assert events.feed.split.tolist() == feed["split"].to_list()
    sources = [events.searches.sources[code] for code in events.searches.source]
    assert sources == searches["source_name"].to_list()


def test_clicks_keep_their_session(tiny_data: PreparedDataset) -> None:
    events = PreparedEvents.read(tiny_data)
    searches = tiny_data.table("searches")
    clicks = [
        (row, index)
        for row, indices in enumerate(searches["clicked_items"])
        for index in indices.tolist()
    ]
    found = np.stack([events.searches.click_search, events.searches.click_item_index], axis=1)
    assert found.tolist() == [list(click) for click in clicks]
    items = sorted(
        {*tiny_data.table("interactions")["item_id"], *np.concatenate(searches["clicked_item_ids"])}
    )
    raw = [items[code] for code in events.searches.click_item]
    assert raw == [item for ids in searches["clicked_item_ids"] for item in ids]


def test_a_missing_or_damaged_table_is_refused(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    copy = tmp_path / "data"
    shutil.copytree(tiny_data.path, copy)
    table = copy / "tables" / "searches.parquet"
    table.write_bytes(b"PAR1")
    with pytest.raises(InputError, match=r"searches\.parquet is unreadable"):
        PreparedEvents.read(PreparedDataset(copy))
    table.unlink()
    with pytest.raises(InputError, match="a run directory keeps only"):
        PreparedEvents.read(PreparedDataset(copy))
