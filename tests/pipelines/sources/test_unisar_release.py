from __future__ import annotations

import argparse
import pickle

import numpy as np
import pandas as pd
import pytest

from pipelines.sources.unisar_release import UnisarRelease
from sesrec_tf.data.log_chunk import CONTENT
from sesrec_tf.errors import InputError
from tests.pipelines.sources import unisar_files
from tests.pipelines.sources.reading import every_rejection, every_row
from tests.pipelines.sources.unisar_files import NEGATIVES, frame, write_package

FOLLOWS = "item_id is not the interaction that follows the first rec_his"


@pytest.fixture
def release(tmp_path):
    return UnisarRelease(write_package(tmp_path / "package"))


def test_interactions_with_splits_and_candidates(release):
    rows = every_row(release, "interactions")
    assert rows["user_id"].to_pylist() == ["0", "0", "0", "0", "1", "1"]
    assert rows["item_id"].to_pylist() == ["1", "2", "3", "4", "4", "2"]
    assert rows["split"].to_pylist() == ["", "train", "valid", "test", "", "train"]
    given = [[int(item) for item in items] for items in rows["negative_item_ids"].to_pylist()]
    assert given == [[], [], NEGATIVES, NEGATIVES, [], []]
    assert every_rejection(release, "interactions") == []


def test_searches_are_numbers_without_padding(release):
    rows = every_row(release, "searches")
    assert rows["user_id"].to_pylist() == ["0", "0", "1"]
    assert rows["session_id"].to_pylist() == ["1", "2", "1"]
    assert rows["query"].to_pylist() == ["8 9", "7", "8 9"]
    assert rows["source"].to_pylist() == ["", "", ""]
    assert rows["clicked_item_ids"].to_pylist() == [["2", "1"], [], ["2", "1"]]


def test_positions_agree_with_the_prefix_lengths(release):
    # User 0: 1 2 s1 3 s2 4, though s1 is of a time before item 3 and after item 2 only by the
    # prefixes: by the times it would stand before item 2.
    assert every_row(release, "interactions")["timestamp"].to_pylist() == [0, 1, 3, 5, 0, 1]
    # User 1: the search of the target's own time comes after it.
    assert every_row(release, "searches")["timestamp"].to_pylist() == [2, 4, 2]


def test_times_decide_where_prefixes_leave_the_order_open(tmp_path):
    empty = frame()
    release = UnisarRelease(
        write_package(tmp_path / "package", train=empty, valid=empty, test=empty)
    )
    # User 0 by time: 1 s1 2 3 s2 4; user 1: 4 2 s1, the interaction first at an equal time.
    assert every_row(release, "interactions")["timestamp"].to_pylist() == [0, 2, 3, 5, 0, 1]
    assert every_row(release, "searches")["timestamp"].to_pylist() == [1, 4, 2]


def test_times_that_are_no_numbers_decide_nothing(tmp_path):
    users = {0: {**unisar_files.USERS[0], "rec_his_ts": ["a", 2, 3, 4]}}
    empty = frame()
    release = UnisarRelease(
        write_package(tmp_path / "package", users=users, train=empty, valid=empty, test=empty)
    )
    assert every_row(release, "interactions")["timestamp"].to_pylist() == [0, 1, 2, 3]


def test_attributes_are_the_arrays_of_one_value(release):
    items = every_row(release, "items")
    assert items.column_names == ["row", "item_id", "first_level_category_id"]
    assert items["item_id"].to_pylist() == ["1", "2", "3", "4"]
    assert items["first_level_category_id"].to_pylist() == ["3", "3", "1", "2"]
    assert every_row(release, "users").to_pylist() == [
        {"row": 0, "user_id": "0", "onehot_feat1": "5"},
        {"row": 1, "user_id": "1", "onehot_feat1": "6"},
    ]


def test_no_attributes_no_table(tmp_path):
    arrays = {"user_vocab_np": {"user_id": np.arange(2)}, "item_vocab_np": {}}
    release = UnisarRelease(write_package(tmp_path / "package", **arrays))
    assert release.parts("items") == release.parts("users") == 0


def test_rows_that_are_no_instances_are_rejected(tmp_path):
    train = frame((0, 3, 1, 0), (9, 2, 1, 0), (0, 2, 7, 0), (0, 2, 1, 5), (0, 2, -1, 0))
    train = train.astype({"user_id": np.float64})
    train.loc[5] = [np.nan, 2, 1, 0, []]
    release = UnisarRelease(write_package(tmp_path / "package", train=train))
    assert every_rejection(release, "interactions") == [
        ("rec_train.pkl", FOLLOWS, 1),
        ("rec_train.pkl", "user_id is not in user_vocab.pkl", 2),
        ("rec_train.pkl", "rec_his goes beyond the user's interactions", 3),
        ("rec_train.pkl", "src_session_his goes beyond the user's searches", 4),
        ("rec_train.pkl", "rec_his is not an integer", 5),
        ("rec_train.pkl", "user_id is not an integer", 6),
    ]


def test_every_row_is_used_rejected_or_left_out(tmp_path):
    users = {**unisar_files.USERS, 2: {**unisar_files.USERS[1], "rec_his": [0, 4, 0, 0]}}
    train = frame((0, 2, 1, 0), (0, 2, 1, 0), (1, 2, 1, 0), (9, 2, 1, 0))
    # The target of the test comes after the history.
    directory = write_package(
        tmp_path / "package", users=users, train=train, test=frame((0, 9, 4, 2))
    )
    release = UnisarRelease(directory)
    chunks = [chunk for part in range(4) for chunk in release.chunks("interactions", part)]
    assert [len(chunk.rows) for chunk in chunks] == [4 + 1 + 2 + 1, 0, 0, 0]
    assert [len(chunk.rejected) for chunk in chunks] == [0, 2, 0, 0]
    beside = "instance of an event of the histories"
    assert [chunk.left_out for chunk in chunks] == [{"padding": 3}, {beside: 2}, {beside: 1}, {}]


def test_candidates_must_be_ninety_nine_other_items(tmp_path):
    valid = pd.concat(
        [
            frame((0, 3, 2, 1), negatives=NEGATIVES[:-1]),
            frame((0, 3, 2, 1), negatives=[0, *NEGATIVES[:-1]]),
            frame((0, 3, 2, 1), negatives=[3, *NEGATIVES[:-1]]),
            frame((0, 3, 2, 1)).assign(neg_items=[None]),
            frame((0, 3, 2, 1)).assign(neg_items=[np.asarray(NEGATIVES)]),
        ]
    )
    release = UnisarRelease(write_package(tmp_path / "package", valid=valid))
    reason = "neg_items is not 99 other items than the target"
    assert every_rejection(release, "interactions") == [
        ("rec_val.pkl", reason, n) for n in (1, 2, 3, 4)
    ]
    (chunk,) = release.chunks("interactions", 2)
    assert '"item_id": 3' in chunk.rejected[CONTENT][0].as_py()
    rows = every_row(release, "interactions")
    assert rows["split"].to_pylist()[2] == "valid"
    assert rows["negative_item_ids"].to_pylist()[2] == [str(item) for item in NEGATIVES]


def test_candidates_stay_with_their_instances(tmp_path):
    other = list(range(301, 400))
    release = UnisarRelease(
        write_package(
            tmp_path / "package",
            valid=pd.concat([frame((0, 9, 0, 0)), frame((1, 2, 1, 0), negatives=other)]),
            train=frame((0, 2, 1, 0), negatives=[5, 6, 7, 8]),
        )
    )
    rows = every_row(release, "interactions")
    found = dict(zip(rows["split"].to_pylist(), rows["negative_item_ids"].to_pylist(), strict=True))
    assert found["valid"] == [str(item) for item in other]
    assert found["test"] == [str(item) for item in NEGATIVES]


def test_sessions_without_a_row_are_rejected(tmp_path):
    users = {0: {**unisar_files.USERS[0], "src_session_his": [1, 3]}}
    release = UnisarRelease(write_package(tmp_path / "package", users=users))
    reason = "src_session_his names a session that src_session_vocab_np.pkl lacks"
    assert every_rejection(release, "searches") == [("user_vocab.pkl", reason, 2)]


@pytest.mark.parametrize(
    "sessions",
    [
        {},
        {"keyword": np.zeros((2, 3), np.int64), "pos_items": np.zeros((3, 2), np.int64)},
        {"keyword": np.zeros(2, np.int64), "pos_items": np.zeros((2, 2), np.int64)},
        {"keyword": np.zeros((2, 2)), "pos_items": np.zeros((2, 2))},
    ],
)
def test_sessions_of_another_form_are_refused(tmp_path, sessions):
    release = UnisarRelease(write_package(tmp_path / "package", src_session_vocab_np=sessions))
    with pytest.raises(InputError, match="keyword and pos_items are not two arrays"):
        list(release.chunks("searches"))


def test_a_missing_column_is_named(tmp_path):
    release = UnisarRelease(
        write_package(tmp_path / "package", test=unisar_files.TEST.drop(columns="neg_items"))
    )
    with pytest.raises(InputError, match=r"rec_test\.pkl: missing column neg_items"):
        list(release.chunks("interactions"))


def test_what_was_read_stays_behind(release):
    every_row(release, "interactions")
    again = pickle.loads(pickle.dumps(release))
    assert vars(again) == {"directory": release.directory}
    assert every_row(again, "interactions") == every_row(release, "interactions")


def test_flags_and_missing_files(tmp_path):
    directory = write_package(tmp_path / "package")
    parser = argparse.ArgumentParser()
    UnisarRelease.add_flags(parser.add_argument_group("source"))
    arguments = parser.parse_args(["--input", str(directory)])
    assert UnisarRelease.from_arguments(arguments) == UnisarRelease(directory)
    (directory / "dataset" / "rec_val.pkl").unlink()
    with pytest.raises(InputError, match=r"lacks dataset/rec_val\.pkl"):
        UnisarRelease(directory)
