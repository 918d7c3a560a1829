"""Drawn logs, as the project's own readers and the official package have them."""

from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import pytest

from benchmarks.speed import peer_files
from benchmarks.speed.generated_data import GeneratedData
from benchmarks.speed.generated_logs import GeneratedLogs
from benchmarks.speed.log_profile import KINDLE, KUAISHOU, LogProfile
from benchmarks.speed.peer_files import write_peer_package
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.training_batches import training_batches
from sesrec_tf.evaluation.scoring import read_split
from sesrec_tf.schema import CANDIDATES, CLICKED_ITEMS, QUERIES, QUERY_WORDS, REC_ITEMS, USER

PROFILES = [KINDLE.scaled(200), KUAISHOU.scaled(200)]


def files(profile: LogProfile, tmp_path: Path) -> tuple[GeneratedLogs, PreparedDataset, Path]:
    data = GeneratedData(tmp_path, lambda text: None)
    prepared, package = data.prepared(profile), data.peer_package(profile)
    assert data.prepared(profile) == prepared
    return GeneratedLogs.draw(profile), PreparedDataset(prepared), package


def unpickled(package: Path, name: str) -> dict:
    return pickle.loads((package / "vocab" / f"{name}.pickle").read_bytes())


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_projects_own_readers_read_what_was_drawn(profile, tmp_path):
    logs, prepared, _ = files(profile, tmp_path)
    assert prepared.sizes == profile.sizes
    read = read_split(prepared, "valid", profile.config.history)
    valid = slice(profile.train, None)
    np.testing.assert_array_equal(read[USER], logs.users[valid])
    np.testing.assert_array_equal(read[REC_ITEMS], logs.rec_items[valid])
    np.testing.assert_array_equal(read[QUERIES], logs.queries[valid])
    np.testing.assert_array_equal(read[CLICKED_ITEMS], logs.clicked_items[valid])
    np.testing.assert_array_equal(read[QUERY_WORDS], logs.query_words[logs.queries[valid]])
    np.testing.assert_array_equal(read[CANDIDATES][:, 0], logs.positives[valid])
    np.testing.assert_array_equal(read[CANDIDATES][:, 1:], logs.negatives)
    assert not (logs.negatives == logs.positives[valid, None]).any()


def test_counts_are_those_of_training_rows(tmp_path):
    logs, prepared, _ = files(PROFILES[0], tmp_path)
    train = PROFILES[0].train
    events = [*logs.positives[:train], *logs.rec_items[:train].ravel()]
    for item in (2, 3, 50):
        assert prepared.item_counts[item] == events.count(item)
    queries, words, counts = prepared.query_table
    assert counts.sum() == np.count_nonzero(logs.queries[:train])
    np.testing.assert_array_equal(words, logs.query_words[queries])
    for name, size in (("items", prepared.sizes.items), ("queries", prepared.sizes.queries)):
        assert len(prepared.vocabulary(name)) == size


def test_training_batches_of_it(tmp_path):
    profile = PROFILES[0]
    _, prepared, _ = files(profile, tmp_path)
    batch, _ = next(iter(training_batches(prepared, profile.config)))
    assert batch[CANDIDATES].shape == (8, 5)


@pytest.mark.parametrize("profile", PROFILES, ids=lambda profile: profile.name)
def test_the_package_holds_the_same_instances(profile, tmp_path):
    logs, _, package = files(profile, tmp_path)
    users, items = unpickled(package, "user_vocab"), unpickled(package, "item_vocab")
    sessions = unpickled(package, "s_session_vocab")
    assert sorted(items) == list(range(1, profile.sizes.items + 1))
    with (package / "dataset" / "valid_inter.tsv").open() as file:
        rows = [{k: int(v) for k, v in row.items()} for row in csv.DictReader(file, delimiter="\t")]
    assert len(rows) == 100 * profile.peer_users
    for number in (0, profile.peer_users - 1):
        place = profile.train + number
        group = rows[100 * number : 100 * number + 100]
        assert {row["u_id"] for row in group} == {logs.users[place] - 2}
        assert [row["label"] for row in group] == [1] + 99 * [0]
        expected = [logs.positives[place], *logs.negatives[number]]
        assert [row["i_id"] + 1 for row in group] == expected
        user = users[group[0]["u_id"]]
        feed = user["rec_his"][: group[0]["rec_his"]]
        assert [item + 1 for item in feed] == [i for i in logs.rec_items[place] if i]
        searches = [sessions[key] for key in user["src_his"][: group[0]["src_his"]]]
        assert [each["query_id"] + 1 for each in searches] == [q for q in logs.queries[place] if q]
        clicks = [item + 1 for each in searches for item in each["click_items"]]
        assert clicks == [item for item in logs.clicked_items[place].ravel() if item]
        words = [word + 1 for word in searches[0]["keyword_seg"]]
        assert words == [word for word in logs.query_words[logs.queries[place, 0]] if word]
    if profile.sizes.sources:
        assert user["age"] == logs.user_attributes[logs.users[place], 1] - 2
        assert {each["search_source"] for each in sessions.values()} == set(range(4))
        assert items[7]["type1"] == logs.item_attributes[8, 0] - 2
    else:
        assert {each["search_source"] for each in sessions.values()} == {0}


def test_large_catalogues_keep_the_items_that_occur(tmp_path, monkeypatch):
    monkeypatch.setattr(peer_files, "MOST_ITEMS", 50)
    logs = GeneratedLogs.draw(PROFILES[0])
    write_peer_package(tmp_path / "package", logs)
    kept = unpickled(tmp_path / "package", "item_vocab")
    assert {item - 1 for item in logs.rec_items.ravel() if item} <= set(kept)
    assert max(kept) <= PROFILES[0].sizes.items


def test_lengths_at_the_papers_sizes():
    """Means that the profiles promise; the feed of Kuaishou is full for most."""
    kindle = GeneratedLogs.draw(KINDLE)
    assert len(kindle.users) == len(np.unique(kindle.users)) == 42_000
    assert kindle.rec_lengths.mean() == pytest.approx(8, abs=0.3)
    assert kindle.search_lengths.mean() == pytest.approx(5.5, abs=0.2)
    kuaishou = GeneratedLogs.draw(KUAISHOU)
    assert np.mean(kuaishou.rec_lengths == 150) > 0.75
    assert kuaishou.search_lengths.mean() == pytest.approx(20, abs=0.5)
    clicks = np.count_nonzero(kuaishou.clicked_items, axis=2)[kuaishou.queries > 0]
    assert (clicks.min(), clicks.max()) == (1, 5)
