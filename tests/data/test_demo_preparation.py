"""Prepared demo data: truth aligned with records, and room between the rankers."""

import json

import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

from sesrec_tf.data.demo_history import history_truth
from sesrec_tf.data.demo_preparation import prepare_demo
from sesrec_tf.data.demo_settings import DemoSettings
from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.demo_oracle import DemoOracle
from sesrec_tf.evaluation.item_knn import ItemKnnRanker
from sesrec_tf.evaluation.popularity import PopularityRanker
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
from sesrec_tf.schema import HistoryShape

SETTINGS = DemoSettings(users=400, categories=12)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    return prepare_demo(tmp_path_factory.mktemp("demo") / "data", SETTINGS)


@pytest.fixture(scope="module")
def truth(prepared):
    return DemoTruth.read(prepared.path)


@pytest.fixture(scope="module")
def records(prepared):
    """The test records as dictionaries of integer lists, read one by one."""
    rows = []
    for serialized in tf.data.TFRecordDataset(prepared.record_files("test")):
        features = tf.train.Example.FromString(serialized.numpy()).features.feature
        rows.append({name: list(value.int64_list.value) for name, value in features.items()})
    return rows


def padded(lists: list[list[int]], width: int) -> np.ndarray:
    """The last `width` values of every list, zeros on the right."""
    rows = [(values[-width:] + [0] * width)[:width] for values in lists]
    return np.array(rows)


def in_log_order(prepared: PreparedDataset, table: str) -> pd.DataFrame:
    """An event table, row n being row n of the log."""
    events = prepared.table(table).sort_values("row", ignore_index=True)
    assert events["row"].tolist() == list(range(len(events)))
    return events


def test_data_and_truth_appear_together(prepared):
    assert prepared.instances("test") == 400
    settings = json.loads((prepared.path / "truth" / "settings.json").read_text("utf-8"))
    assert DemoSettings(**settings) == SETTINGS
    assert not (prepared.path / "whole").exists()
    assert [entry.name for entry in prepared.path.parent.iterdir()] == ["data"]


def test_an_existing_directory_is_kept(prepared):
    before = (prepared.path / "dataset_info.json").read_bytes()
    with pytest.raises(InputError, match="exists already"):
        prepare_demo(prepared.path, DemoSettings(users=50))
    assert (prepared.path / "dataset_info.json").read_bytes() == before


def test_truth_rows_are_the_rows_of_the_log(prepared, truth):
    for name in ("interactions", "searches"):
        events, table = in_log_order(prepared, name), getattr(truth, name)
        assert events["row"].tolist() == table["row"].tolist()
        users = pd.factorize(events["user_id"])[0]
        assert (users == table["user"]).all()


@pytest.mark.parametrize("width", [15, 4])
def test_history_truth_is_aligned_with_the_records(prepared, truth, records, width):
    shape = HistoryShape(rec_length=width, search_length=width)
    instances = [row["instance"][0] for row in records]
    aligned = history_truth(truth, instances, shape)
    rec = padded([row["rec_items"] for row in records], width)
    queries = padded([row["queries"] for row in records], width)
    assert (aligned.rec_mask == (rec != 0)).all()
    assert (aligned.search_mask == (queries != 0)).all()
    # An item has one topic, so within a user, equal similarity follows from the item itself.
    feed = in_log_order(prepared, "interactions")
    similar = {
        (user, item): flag
        for user, item, flag in zip(
            feed["user_id"], feed["item"], truth.interactions["similar"], strict=True
        )
    }
    user_ids = feed["user_id"][instances]
    for number, user in enumerate(user_ids):
        for place in np.flatnonzero(aligned.rec_mask[number] & (rec[number] > 1)):
            assert aligned.rec_similar[number, place] == similar[user, rec[number, place]]
    assert not (aligned.rec_similar & ~aligned.rec_mask).any()
    assert not (aligned.search_similar & ~aligned.search_mask).any()


def test_search_truth_follows_its_session(prepared, truth, records):
    shape = HistoryShape()
    aligned = history_truth(truth, [row["instance"][0] for row in records], shape)
    searches, feed = (in_log_order(prepared, name) for name in ("searches", "interactions"))
    for number in range(0, len(records), 40):
        target = feed.loc[records[number]["instance"][0]]
        own = searches["user_id"] == target["user_id"]
        before = np.flatnonzero(own & (searches["timestamp"] < target["timestamp"]))[-15:]
        expected = truth.searches["similar"].to_numpy()[before]
        assert aligned.search_similar[number, : len(before)].tolist() == expected.tolist()


def test_an_instance_of_other_data_is_refused(truth):
    with pytest.raises(InputError, match="belong to another data set"):
        history_truth(truth, [10**9], HistoryShape())


def test_truth_is_missed_where_there_is_none(tmp_path):
    with pytest.raises(InputError, match="holds no truth"):
        DemoTruth.read(tmp_path)


def test_rankers_leave_room_below_the_oracle(prepared, records):
    shape = prepared.history
    candidates = np.array([row["candidates"] for row in records])
    feed = padded([row["rec_items"] for row in records], shape.rec_length)
    clicks = padded(
        [row["clicked_items"] for row in records], shape.search_length * shape.clicks
    ).reshape(len(records), shape.search_length, shape.clicks)
    oracle = DemoOracle.from_dataset(prepared)
    scores = {
        "popularity": PopularityRanker.from_dataset(prepared).score(feed, clicks, candidates),
        "feed": ItemKnnRanker.from_dataset(prepared).score(feed, clicks, candidates),
        "both": ItemKnnRanker.from_dataset(prepared, True).score(feed, clicks, candidates),
        "oracle": oracle.score([row["instance"][0] for row in records], candidates),
    }
    ndcg = {name: RankingMetrics().calc(values)["ndcg@10"] for name, values in scores.items()}
    assert 0.05 < ndcg["popularity"] < ndcg["feed"] < ndcg["oracle"] - 0.1
    assert ndcg["popularity"] < ndcg["both"] < ndcg["oracle"] - 0.1


def test_progress_covers_simulation_and_preparation(tmp_path):
    seen = []
    settings = DemoSettings(users=60, categories=12)
    prepare_demo(tmp_path / "data", settings, report=lambda *state: seen.append(state))
    assert seen[0] == ("simulating the demo world", 0.0)
    fractions = [fraction for _, fraction in seen]
    assert fractions == sorted(fractions)
    assert fractions[1] > 0
    assert 0.9 < fractions[-1] <= 1
    assert seen[-1][0] == "putting the parts together"
