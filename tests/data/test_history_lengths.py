from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.data.history_lengths import HistoryLengths, at_least
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.prepared_events import PreparedEvents
from sesrec_tf.schema import SPLITS


def test_at_least() -> None:
    lengths, shares = at_least(np.array([3, 1, 1, 7]))
    assert lengths.tolist() == [1, 3, 7]
    assert shares.tolist() == [1, 2 / 4, 1 / 4]


def test_summary_by_hand() -> None:
    # Half of 0 1 2 3 4 5 6 7 8 9 do not exceed 4, nine tenths do not exceed 8; 2 exceed 7.
    ten = np.random.default_rng(0).permutation(10)
    none = np.zeros(0, np.int64)
    sides = {"train": {"interactions": ten, "searches": 2 * ten}}
    empty = {"test": {"interactions": none, "searches": none}}
    summary = HistoryLengths({**sides, **empty}, {"interactions": 7, "searches": 15}).summary()
    train = summary["train"]
    assert train["instances"] == 10
    assert train["interactions"]["mean"] == 4.5
    quantiles = {"0": 0, "0.25": 2, "0.5": 4, "0.75": 7, "0.9": 8, "0.99": 9, "1": 9}
    assert train["interactions"]["quantiles"] == quantiles
    assert (train["interactions"]["cut"], train["searches"]["cut"]) == (0.2, 0.2)
    assert summary["test"]["instances"] == 0
    assert summary["test"]["searches"]["mean"] is None
    assert set(summary["test"]["searches"]["quantiles"].values()) == {None}


def test_instances_are_those_of_the_data_set(tiny_data: PreparedDataset) -> None:
    lengths = HistoryLengths.of(PreparedEvents.read(tiny_data).feed, tiny_data.history)
    assert lengths.kept == {"interactions": 6, "searches": 4}
    for split in SPLITS:
        sides = lengths.lengths[split]
        assert len(sides["interactions"]) == len(sides["searches"]) == tiny_data.instances(split)


@given(st.lists(st.integers(0, 50), min_size=1))
def test_the_share_at_least_falls_from_one(values: list[int]) -> None:
    lengths, shares = at_least(np.array(values))
    assert shares[0] == 1
    assert (np.diff(shares) < 0).all()
    for length, share in zip(lengths, shares, strict=True):
        assert share == pytest.approx(np.mean(np.array(values) >= length))
