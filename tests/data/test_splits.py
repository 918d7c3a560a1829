from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest

from sesrec_tf.data.event_log import EventLog
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.splits import LEFT_OUT, NO_INSTANCE, TEST, TRAIN, VALID, assign_splits
from sesrec_tf.errors import InputError
from tests.data.small_logs import event_log


@pytest.fixture
def log() -> EventLog:
    # u: interactions at 0, 2, 4, 6, 8 and searches at 1, 5, 7, 9; v: interactions at 0, 2, 4.
    interactions = pd.DataFrame(
        {"user_id": [*"uuuuu", *"vvv"], "item_id": "a", "timestamp": [0, 2, 4, 6, 8, 0, 2, 4]}
    )
    searches = pd.DataFrame(
        {
            "user_id": "u",
            "session_id": [*"1234"],
            "query": "q",
            "source": "",
            "clicked_item_ids": "",
            "timestamp": [1, 5, 7, 9],
        }
    )
    return event_log(LogTables(interactions, searches))


def by_row(log: EventLog, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Values of the ordered interactions in the order of the log table."""
    result = np.empty_like(values)
    result[log.interactions.row] = values
    return result


def test_leave_last_out(log: EventLog) -> None:
    splits = assign_splits(log, PrepareOptions())
    # u has four instances; v has two, fewer than three, so both are for training.
    assert by_row(log, splits.instance_split).tolist() == [
        *(NO_INSTANCE, TRAIN, TRAIN, VALID, TEST),
        *(NO_INSTANCE, TRAIN, TRAIN),
    ]
    training = by_row(log, splits.training_interactions)
    assert training.tolist() == [True] * 3 + [False] * 2 + [True] * 3
    # The validation target of u is at 6: the searches at 1 and 5 come before it.
    assert splits.training_searches.tolist() == [True, True, False, False]


def test_users_with_few_instances_give_all_to_training(log: EventLog) -> None:
    splits = assign_splits(log, PrepareOptions(min_instances=5))
    assert set(splits.instance_split) == {NO_INSTANCE, TRAIN}
    assert splits.training_interactions.all()
    assert splits.training_searches.all()


def test_earlier_searches(log: EventLog) -> None:
    splits = assign_splits(log, PrepareOptions(min_earlier_searches=2, min_instances=2))
    # Two searches of u precede 6 and 8 only; v never searched. Rows before 6 stay for training.
    split = by_row(log, splits.instance_split).tolist()
    assert split == [NO_INSTANCE] * 3 + [VALID, TEST] + [NO_INSTANCE] * 3
    training = by_row(log, splits.training_interactions)
    assert training.tolist() == [True] * 3 + [False] * 2 + [True] * 3


def test_by_time(log: EventLog) -> None:
    splits = assign_splits(log, PrepareOptions(split="time", valid_from=4, test_from="7"))
    assert by_row(log, splits.instance_split).tolist() == [
        *(NO_INSTANCE, TRAIN, VALID, VALID, TEST),
        *(NO_INSTANCE, TRAIN, VALID),
    ]
    assert np.array_equal(splits.training_interactions, log.interactions.time < 4)
    assert splits.training_searches.tolist() == [True, False, False, False]


def test_unknown_positives_leave_the_training_instances_alone(log: EventLog) -> None:
    unknown = np.array([True, True, False, True, True, False, False, True])
    before = assign_splits(log, PrepareOptions())
    splits = before.without_unknown_positives(unknown[log.interactions.row])
    assert by_row(log, splits.instance_split).tolist() == [
        *(NO_INSTANCE, LEFT_OUT, TRAIN, VALID, TEST),
        *(NO_INSTANCE, TRAIN, LEFT_OUT),
    ]
    assert splits.training_interactions is before.training_interactions
    assert splits.training_searches is before.training_searches
    # u would have too few instances if what is left out did not count.
    assert by_row(log, before.instance_split)[3:5].tolist() == [VALID, TEST]


def test_periods_must_be_in_order(log: EventLog) -> None:
    with pytest.raises(InputError, match=r"`--valid-from` should lie before `--test-from`"):
        assign_splits(log, PrepareOptions(split="time", valid_from=4, test_from=4))
    with pytest.raises(InputError, match=r"`--test-from` should be an integer"):
        assign_splits(log, PrepareOptions(split="time", valid_from=4, test_from="May"))


def test_given() -> None:
    interactions = pd.DataFrame(
        {
            "user_id": [*"uuuuu", *"vvv"],
            "item_id": "a",
            "timestamp": [0, 2, 4, 6, 8, 0, 2, 4],
            "split": ["train", "", "valid", "train", "test", "", "train", ""],
        }
    )
    searches = pd.DataFrame(
        {
            "user_id": "u",
            "session_id": [*"123"],
            "query": "q",
            "source": "",
            "clicked_item_ids": "",
            "timestamp": [1, 3, 4],
        }
    )
    log = event_log(LogTables(interactions, searches))
    splits = assign_splits(log, PrepareOptions(split="given"))
    # Whatever precedes: the first event of u is an instance, the last of v is none.
    assert by_row(log, splits.instance_split).tolist() == [
        *(TRAIN, NO_INSTANCE, VALID, TRAIN, TEST),
        *(NO_INSTANCE, TRAIN, NO_INSTANCE),
    ]
    # u is evaluated first at 4, and the search at 4 comes after that; v is never evaluated.
    assert by_row(log, splits.training_interactions).tolist() == [
        *(True, True, False, False, False),
        *(True, True, True),
    ]
    assert splits.training_searches.tolist() == [True, True, False]


def test_splits_must_be_given(log: EventLog) -> None:
    with pytest.raises(InputError, match=r"`--split given` needs the column `split`"):
        assign_splits(log, PrepareOptions(split="given"))
