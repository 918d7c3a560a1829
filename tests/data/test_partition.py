from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data.partition import Partition
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import NO_INSTANCE, TEST, TRAIN, VALID
from sesrec_tf.errors import InputError
from tests.data.log_rows import interactions, searches, valid_rows

GIVEN = PrepareOptions(split="given", negatives="given", num_negatives=2)
SEARCHES = searches(("u", "1", "q", "", "", 0), ("u", "1", "again", "", "", 1))
FEED = interactions(
    *(("u", item, time) for time, item in enumerate("abcd")),
    split=["", "train", "valid", "test"],
    negative_item_ids=["", "", "x y", "y x"],
)


def partition(feed: pd.DataFrame, options: PrepareOptions) -> Partition:
    tables = valid_rows(feed, "interactions"), valid_rows(SEARCHES, "searches")
    return Partition.of(*tables, options)


def reasons(rejected: pa.Table) -> list[tuple[int, str]]:
    return [(row["row"], row["reason"]) for row in rejected.to_pylist()]


def test_events_are_ordered_split_and_counted() -> None:
    found = partition(FEED.iloc[::-1], GIVEN)
    assert found.log.interactions.row.tolist() == [0, 1, 2, 3]
    assert found.splits.instance_split.tolist() == [NO_INSTANCE, TRAIN, VALID, TEST]
    assert found.counts(GIVEN).totals["training_interactions"] == 2


def test_repeated_sessions_are_rejected() -> None:
    found = partition(FEED, GIVEN)
    assert found.log.searches.row.tolist() == [0]
    assert reasons(found.rejected["searches"]) == [(1, "session_id stands again")]
    assert reasons(found.rejected["interactions"]) == []


@pytest.mark.parametrize("wrong", ["", "x", "x y z"])
def test_another_number_of_negatives_is_rejected(wrong: str) -> None:
    feed = FEED.assign(negative_item_ids=["z", "", wrong, "y x"])
    found = partition(feed, GIVEN)
    # Only valid and test need any.
    assert reasons(found.rejected["interactions"]) == [
        (2, "negative_item_ids has another number of items")
    ]
    (row,) = found.rejected["interactions"].to_pylist()
    assert row["expected"] == (
        "2 (`--num-negatives`) different items, none of them the instance's own, where the split "
        "is valid or test"
    )
    assert found.log.interactions.row.tolist() == [0, 1, 3]


def test_negatives_are_not_looked_at_unless_they_are_to_be_given() -> None:
    options = PrepareOptions(split="given", num_negatives=7)
    assert reasons(partition(FEED, options).rejected["interactions"]) == []


def test_what_is_to_be_given_must_be_there() -> None:
    with pytest.raises(InputError, match=r"`--split given` needs the column `split`"):
        partition(FEED.drop(columns=["split", "negative_item_ids"]), PrepareOptions(split="given"))
    with pytest.raises(InputError, match=r"`--negatives given` needs the column `negative_item_id"):
        partition(FEED.drop(columns="negative_item_ids"), GIVEN)


@pytest.mark.parametrize("options", [GIVEN, PrepareOptions()])
def test_users_may_have_no_interactions_or_no_searches(options: PrepareOptions) -> None:
    found = partition(FEED.iloc[:0], options)
    assert found.log.users.to_pylist() == ["u"]
    assert found.splits.instances() == {"train": 0, "valid": 0, "test": 0}
    feed = valid_rows(FEED, "interactions")
    alone = Partition.of(feed, valid_rows(SEARCHES.iloc[:0], "searches"), options)
    assert len(alone.log.interactions.row) == 4
    assert len(alone.log.searches.row) == 0


@pytest.mark.parametrize("negatives", ["c x", "x x"], ids=["the item itself", "twice"])
def test_candidates_are_given_once_each(negatives: str) -> None:
    # The target of row 2 is c; train rows may hold anything.
    found = partition(FEED.assign(negative_item_ids=["", "b b", negatives, "y x"]), GIVEN)
    assert reasons(found.rejected["interactions"]) == [
        (2, "negative_item_ids holds an item twice or the instance's own")
    ]
