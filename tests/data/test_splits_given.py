from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from sesrec_tf.data.local_driver import LocalDriver
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import LEFT_OUT, NO_INSTANCE, TEST, TRAIN, VALID, assign_splits
from sesrec_tf.errors import InputError
from tests.data.dataset_content import records
from tests.data.log_rows import interactions, searches
from tests.data.small_logs import event_log, indexed_log

OPTIONS = PrepareOptions(split="given", negatives="given", num_negatives=2)

# u is evaluated at 2 and 4, and trains again at 3; v at no time; w at the very first event.
FEED = interactions(
    *(("u", item, time) for time, item in enumerate("abcde")),
    *(("v", item, time) for time, item in enumerate("ab")),
    *(("w", item, time) for time, item in enumerate("ab")),
    split=["", "train", "valid", "train", "test", "train", "train", "test", "train"],
    negative_item_ids=["", "", "e d", "", "a x", "", "", "b z", ""],
)
SEARCHES = searches(
    *(("u", str(time), f"q{time}", "", "", time) for time in range(5)),
    ("v", "1", "q1", "", "", 9),
    ("w", "0", "early", "", "", -1),
    ("w", "1", "late", "", "", 0),
)


def test_splits_are_those_of_the_log() -> None:
    log = event_log(LogTables(FEED, SEARCHES))
    splits = assign_splits(log, OPTIONS)
    given = [NO_INSTANCE, TRAIN, VALID, TRAIN, TEST, TRAIN, TRAIN, TEST, TRAIN]
    rows = log.interactions.row.tolist()
    assert splits.instance_split.tolist() == [given[row] for row in rows]
    assert splits.instances() == {"train": 5, "valid": 1, "test": 2}


def test_training_rows_come_before_the_first_evaluated_target() -> None:
    log = event_log(LogTables(FEED, SEARCHES))
    splits = assign_splits(log, OPTIONS)
    feed = log.interactions.row[splits.training_interactions]
    # u: before the interaction at 2, although one at 3 is for training; all of v; none of w.
    assert sorted(feed) == [0, 1, 5, 6]
    # A search at the time of an interaction comes after it, so that of u at 2 is none, nor is w's
    # at 0; the one before w's first interaction is.
    assert sorted(log.searches.row[splits.training_searches]) == [0, 1, 5, 6]


def test_training_instances_of_unknown_items_are_left_out_here_too() -> None:
    log = event_log(LogTables(FEED, SEARCHES))
    splits = assign_splits(log, OPTIONS)
    unknown = indexed_log(log, splits, OPTIONS).items[log.interactions.item] == 1
    found = splits.without_unknown_positives(unknown)
    # d, of the interaction of u at 3, is in no training row.
    left_out = log.interactions.row[found.instance_split == LEFT_OUT]
    assert left_out.tolist() == [3]


@pytest.mark.parametrize("driver", [LocalDriver(), LocalDriver(memory=1)])
def test_records_hold_what_is_given(driver: LocalDriver, tmp_path: Path) -> None:
    dataset = prepare(LogTables(FEED, SEARCHES), OPTIONS, tmp_path / "data", driver=driver)
    # a and b of the training rows of u and v, twice each.
    assert dataset.vocabulary("items") == ["a", "b"]
    assert dataset.info["split"] == {"rule": "given"}
    assert dataset.info["negatives"]["distribution"] == "given"
    found = {
        split: {record["instance"][0]: record for record in records(dataset, split)}
        for split in ("train", "valid", "test")
    }
    assert {split: sorted(rows) for split, rows in found.items()} == {
        "train": [1, 5, 6, 8],
        "valid": [2],
        "test": [4, 7],
    }
    # e and d are unknown, x and z too.
    assert found["valid"][2]["candidates"] == [1, 1, 1]
    assert found["test"][4]["candidates"] == [1, 2, 1]
    assert found["test"][7]["candidates"] == [2, 3, 1]
    assert dataset.info["unknown_negatives"] == {"train": 0, "valid": 2, "test": 2}
    assert dataset.info["unknown_positives"] == {"train": 1, "valid": 1, "test": 1}
    # An instance needs no history.
    assert found["train"][5]["rec_items"] == []
    feed = dataset.table("interactions").set_index("row")["split"]
    assert feed.sort_index().tolist() == [
        "",
        "train",
        "valid",
        "",
        "test",
        *["train"] * 2,
        "test",
        "train",
    ]


def test_the_wrong_number_of_negatives_is_a_rejected_row(tmp_path: Path) -> None:
    feed = FEED.assign(negative_item_ids=["", "", "e d", "", "a x", "", "", "b", ""])
    logs = LogTables(feed, SEARCHES)
    options = replace(OPTIONS, max_rejected=0.2)
    dataset = prepare(logs, options, tmp_path / "data")
    assert dataset.info["rows"]["interactions"] == {
        "read": 9,
        "used": 8,
        "left_out": {},
        "rejected": {"negative_item_ids has another number of items": 1},
    }
    assert dataset.instances("test") == 1
    strict = replace(options, max_rejected=0)
    with pytest.raises(InputError, match=r"line 8: negative_item_ids has another number of items"):
        prepare(logs, strict, tmp_path / "strict")


@pytest.mark.parametrize(
    ("column", "message"),
    [
        ("split", r"`--split given` needs the column `split`"),
        ("negative_item_ids", r"`--negatives given` needs the column `negative_item_ids`"),
    ],
)
def test_a_missing_column_is_refused(column: str, message: str, tmp_path: Path) -> None:
    options = replace(OPTIONS, max_rejected=1)
    with pytest.raises(InputError, match=message):
        prepare(LogTables(FEED.drop(columns=column), SEARCHES), options, tmp_path / "data")
    assert not list(tmp_path.iterdir())


def test_given_negatives_need_given_splits() -> None:
    with pytest.raises(InputError, match=r"`--negatives given` needs `--split given`"):
        PrepareOptions(negatives="given")


def test_a_split_without_instances_is_refused(tmp_path: Path) -> None:
    feed = FEED.assign(split=FEED["split"].replace("valid", ""))
    with pytest.raises(InputError, match=r"the column `split` names no instances for valid\."):
        prepare(LogTables(pd.DataFrame(feed), SEARCHES), OPTIONS, tmp_path / "data")
