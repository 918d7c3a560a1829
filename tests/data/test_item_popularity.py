from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.data.item_popularity import ItemPopularity, by_rank
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.prepared_events import PreparedEvents


def test_top_shares_by_hand() -> None:
    # 30 items with an event, a tenth are 3: 10 + 5 + 2 of 44; a hundredth is one: 10 of 44.
    counts = np.array([1] * 27 + [10, 0, 5, 2, 0])
    summary = ItemPopularity(counts, np.zeros(5, np.int64)).summary()
    assert summary["interactions"] == {
        "items": 30,
        "once": 27,
        "top_share": {"0.01": pytest.approx(10 / 44), "0.1": pytest.approx(17 / 44)},
    }
    assert summary["clicks"] == {"items": 0, "once": 0, "top_share": {"0.01": None, "0.1": None}}


def test_every_row_counts(tiny_data: PreparedDataset) -> None:
    popularity = ItemPopularity.of(PreparedEvents.read(tiny_data))
    assert popularity.interactions.sum() == len(tiny_data.table("interactions"))
    clicks = tiny_data.table("searches")["clicked_item_ids"]
    assert popularity.clicks.sum() == sum(map(len, clicks))
    most = tiny_data.table("interactions")["item_id"].value_counts().to_list()
    assert by_rank(popularity.interactions).tolist() == most


@given(st.lists(st.integers(0, 9)))
def test_ranks_are_the_positive_counts(counts: list[int]) -> None:
    ranked = by_rank(np.array(counts, np.int64)).tolist()
    assert ranked == sorted((count for count in counts if count), reverse=True)
