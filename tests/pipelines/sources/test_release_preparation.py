"""From a package to a prepared data set: what the authors listed is what is written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.sources.sesrec_release import SesrecRelease
from pipelines.sources.unisar_release import UnisarRelease
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from tests.data.dataset_content import records
from tests.pipelines.sources import sesrec_files, unisar_files

OPTIONS = PrepareOptions(time_unit="order", split="given", negatives="given")
SESSIONS = 40

# user, item, earlier interactions, earlier searches, split
Instances = set[tuple[str, str, int, int, str]]


def histories(users: int) -> list[tuple[list[int], list[int], list[tuple[int, int, str]]]]:
    """Items and sessions of each user, and the place, searches and split of each instance."""
    random = np.random.default_rng(5)
    result = []
    for _ in range(users):
        items = random.integers(1, 40, random.integers(4, 9)).tolist()
        sessions = random.permutation(np.arange(1, SESSIONS + 1))[: random.integers(6)].tolist()
        places = np.flatnonzero(random.random(len(items)) < 0.7)[-4:]
        counts = np.sort(random.integers(0, len(sessions) + 1, len(places)))
        splits = ["train", "train", "valid", "test"][-len(places) :] if len(places) else []
        instances = zip(places.tolist(), counts.tolist(), splits, strict=True)
        result.append((items, sessions, list(instances)))
    return result


def sesrec(directory: Path) -> tuple[SesrecRelease, Instances]:
    users, listed, wanted = {}, {"train": [], "valid": [], "test": []}, set()
    for number, (items, sessions, instances) in enumerate(histories(30)):
        user, names = f"A{number}", [f"B{item}" for item in items]
        users[user] = {"rec_his": names, "src_his": [str(each) for each in sessions]}
        for place, count, split in instances:
            rows = sesrec_files.block(user, names[place], place, count, at=number)
            listed[split] += rows if split != "train" else [rows[number]]
            wanted.add((user, names[place], place, count, split))
    sessions = {
        str(n): {"search_source": 0, "keyword_seg": [n], "click_items": [f"B{n}"]}
        for n in range(1, SESSIONS + 1)
    }
    sesrec_files.write_package(directory, users=users, sessions=sessions, **listed)
    return SesrecRelease(directory), wanted


def unisar(directory: Path) -> tuple[UnisarRelease, Instances]:
    users, listed, wanted = {}, {"train": [], "valid": [], "test": []}, set()
    random = np.random.default_rng(6)
    for user, (items, sessions, instances) in enumerate(histories(30)):
        # Times that often contradict the counts.
        users[user] = {
            "rec_his": items,
            "rec_his_ts": np.sort(random.random(len(items))).tolist(),
            "src_session_his": sessions,
            "src_session_his_ts": np.sort(random.random(len(sessions))).tolist(),
        }
        for place, count, split in instances:
            listed[split].append((user, items[place], place, count))
            wanted.add((str(user), str(items[place]), place, count, split))
    arrays = {
        "keyword": np.arange(1, SESSIONS + 2)[:, None],
        "pos_items": np.arange(SESSIONS + 1)[:, None],
    }
    frames = {split: unisar_files.frame(*rows) for split, rows in listed.items()}
    unisar_files.write_package(directory, users=users, src_session_vocab_np=arrays, **frames)
    return UnisarRelease(directory), wanted


@pytest.mark.parametrize("package", [sesrec, unisar])
def test_instances_have_the_prefixes_and_candidates_of_the_package(tmp_path, package):
    release, wanted = package(tmp_path / "package")
    dataset = prepare(release, OPTIONS, tmp_path / "prepared")
    rows = dataset.table("interactions")
    columns = ["user_id", "item_id", "earlier_interactions", "earlier_searches", "split"]
    instances = rows.loc[rows["split"] != "", columns]
    assert set(instances.itertuples(index=False, name=None)) == wanted
    assert dataset.info["rows"]["interactions"]["rejected"] == {}
    for split in ("valid", "test"):
        found = records(dataset, split)
        assert len(found) == sum(each[-1] == split for each in wanted)
        # No history has an item of the candidates, so that none is known.
        assert all(each["candidates"][1:] == [1] * 99 for each in found)
