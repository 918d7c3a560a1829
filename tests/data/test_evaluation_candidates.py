from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.evaluation_candidates import CandidateSampler, UserItems
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape
from tests.data.small_logs import event_log


def user_items(*items: list[int]) -> UserItems:
    lengths = [len(row) for row in items]
    flat = np.array([item for row in items for item in row], np.int64)
    return UserItems(np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64), flat)


def sampler(weights: list[int], own: UserItems, number: int, seed: int = 1) -> CandidateSampler:
    users = pa.array([f"u{user}" for user in range(len(own.offsets) - 1)])
    return CandidateSampler(np.array(weights, np.int64), own, number, seed, users)


def known_ids(*items: str) -> KnownIds:
    """Nothing but some items is known."""
    none = pa.array([], pa.large_string())
    return KnownIds(
        shape=HistoryShape(),
        users=none,
        items=pa.array(items, pa.large_string()),
        queries=none,
        words=none,
        sources=none,
        item_interactions=np.ones(len(items), np.int64),
    )


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_candidates_are_distinct_drawable_and_never_met(data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 50), min_size=3, max_size=40))
    items = st.sets(st.integers(0, len(weights) - 1))
    own = [sorted(data.draw(items)) for _ in range(3)]
    drawable = [{i for i, weight in enumerate(weights) if weight} - {*row} for row in own]
    least = min(map(len, drawable))
    if least == 0:
        return
    number = data.draw(st.integers(1, least))
    users = np.array(data.draw(st.lists(st.integers(0, 2), min_size=1, max_size=9)))
    negatives = sampler(weights, user_items(*own), number).draw(users, np.arange(len(users)))
    assert negatives.shape == (len(users), number)
    for user, row in zip(users, negatives - 2, strict=True):
        assert len({*row}) == number
        assert {*row.tolist()} <= drawable[user]


def test_an_instance_draws_the_same_whatever_is_drawn_beside_it() -> None:
    draw = sampler([1] * 60, user_items([0, 1], [59]), 20).draw
    users, instances = np.array([0, 1, 0, 1]), np.array([7, 8, 9, 10])
    together = draw(users, instances)
    order = np.array([2, 0, 3])
    assert np.array_equal(draw(users[order], instances[order]), together[order])
    assert not np.array_equal(together[0], together[2])


def test_the_seed_matters() -> None:
    own = user_items([])
    first, second = (
        sampler([1] * 50, own, 5, seed).draw(np.array([0]), np.array([0])) for seed in (1, 2)
    )
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("number", [1, 2])
def test_draws_are_proportional_to_the_weights(number: int) -> None:
    # Item 3 is forbidden. First draw: weights 1, 2, 5 of 8. Second draw without replacement, by
    # hand: P(0) = 2/8 * 1/6 + 5/8 * 1/3 = 1/4, P(1) = 1/8 * 2/7 + 5/8 * 2/3 = 19/42 (0.45238),
    # P(2) = the rest.
    weights, draws = [1, 2, 5, 9], 20_000
    negatives = sampler(weights, user_items([3]), number).draw(
        np.zeros(draws, np.int64), np.arange(draws)
    )
    expected = {0: [1 / 8, 2 / 8, 5 / 8], 1: [1 / 4, 19 / 42, 1 - 1 / 4 - 19 / 42]}
    for column in range(number):
        shares = np.bincount(negatives[:, column] - 2, minlength=4)[:3] / draws
        # Five standard deviations of a share of 20,000 are below 0.018.
        assert np.abs(shares - expected[column]).max() < 0.018


def test_the_race_has_the_distribution_of_the_draws() -> None:
    weights, draws = [1, 2, 5, 9], 20_000
    drawn = sampler(weights, user_items([3]), 2)
    users, instances = np.zeros(draws, np.int64), np.arange(draws)
    negatives = drawn._by_race(users, instances, np.full((draws, 2), -1))
    first, second = (np.bincount(negatives[:, k], minlength=4)[:3] / draws for k in (0, 1))
    assert np.abs(first - [1 / 8, 2 / 8, 5 / 8]).max() < 0.018
    assert np.abs(second - [1 / 4, 19 / 42, 1 - 1 / 4 - 19 / 42]).max() < 0.018


def test_a_race_keeps_what_was_found() -> None:
    # One item has almost all the weight, so few draws find anything else.
    weights = [10**9] + [1] * 30
    drawn = sampler(weights, user_items([]), 25)
    users, instances = np.zeros(40, np.int64), np.arange(40)
    found, count = drawn._by_rejection(users, instances, 100)
    assert (count < 25).all()
    negatives = drawn.draw(users, instances) - 2
    assert (negatives[:, 0] == 0).all()
    for row, part, size in zip(negatives, found, count, strict=True):
        assert row[:size].tolist() == part[:size].tolist()
        assert len({*row}) == 25


def test_too_few_items_are_explained() -> None:
    with pytest.raises(InputError) as caught:
        sampler([1, 1, 0, 1], user_items([], [0, 2]), 3).draw(np.array([0, 1]), np.array([0, 1]))
    assert "the vocabulary has 4 items, 3 of them drawable" in str(caught.value)
    assert "Choose `--num-negatives` of at most 2" in str(caught.value)


def test_the_whole_log_is_excluded() -> None:
    interactions = pd.DataFrame({"user_id": [*"uuv"], "item_id": [*"abc"], "timestamp": [0, 99, 0]})
    searches = pd.DataFrame(
        {
            "user_id": [*"uw"],
            "session_id": [*"11"],
            "query": "q",
            "source": "",
            "clicked_item_ids": ["d d a e", "a"],
            "timestamp": [50, 0],
        }
    )
    log = event_log(LogTables(interactions, searches))
    # e is unknown; known items from 0 are a, b, c, d.
    own = UserItems.of(log, IndexedLog.of(log, known_ids("a", "b", "c", "d")))
    u, v, w = (log.users.to_pylist().index(user) for user in "uvw")
    assert np.diff(own.offsets)[[u, v, w]].tolist() == [3, 1, 1]
    place, item = own.pairs(np.array([w, u, u, v]))
    assert place.tolist() == [0, 1, 1, 1, 2, 2, 2, 3]
    assert item.tolist() == [0, 0, 1, 3, 0, 1, 3, 2]


def test_no_known_item_at_all() -> None:
    interactions = pd.DataFrame({"user_id": ["u"], "item_id": ["a"], "timestamp": [0]})
    searches = pd.DataFrame(
        {
            "user_id": ["u"],
            "session_id": ["1"],
            "query": ["q"],
            "source": [""],
            "clicked_item_ids": ["b"],
            "timestamp": [0],
        }
    )
    log = event_log(LogTables(interactions, searches))
    own = UserItems.of(log, IndexedLog.of(log, known_ids()))
    assert own.offsets.tolist() == [0, 0]
    with pytest.raises(InputError, match="the vocabulary has 0 items"):
        sampler([], own, 1).draw(np.array([0]), np.array([0]))
