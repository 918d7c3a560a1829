"""A head on disk."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import head_directory, load_head, save_head
from sesrec_tf.training.run_directory import RunDirectory

USERS = np.ones((1, 9), np.float32)
ITEMS = np.ones((3, 4), np.float32)


@pytest.fixture
def run(tiny_run: RunDirectory, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(tiny_run.path, tmp_path / "run"))


def store(run: RunDirectory) -> RetrievalHead:
    head = RetrievalHead(5, 8, 0.2, 0.3)
    head.build(USERS.shape, ITEMS.shape)
    save_head(run, head, RetrievalConfig(width=5, hidden_units=8), {"recall": {}})
    return head


def test_comes_back_as_it_was(run: RunDirectory) -> None:
    head = store(run)
    loaded = load_head(run)
    assert loaded is not None
    assert loaded.get_config() == head.get_config()
    np.testing.assert_array_equal(loaded(USERS, ITEMS), head(USERS, ITEMS))
    path = head_directory(run)
    assert json.loads((path / "metrics.json").read_text("utf-8")) == {"recall": {}}
    config = json.loads((path / "config.json").read_text("utf-8"))
    assert config["training"]["width"] == 5
    assert not list(run.path.glob(".retrieval*"))


def test_a_run_without_a_head_has_none(run: RunDirectory) -> None:
    assert load_head(run) is None


def test_a_later_one_replaces_it(run: RunDirectory) -> None:
    first, second = store(run), store(run)
    loaded = load_head(run)
    assert loaded is not None
    np.testing.assert_array_equal(loaded(USERS, ITEMS), second(USERS, ITEMS))
    assert (np.asarray(first(USERS, ITEMS)) != np.asarray(second(USERS, ITEMS))).any()


def test_other_ranking_weights_are_noticed(run: RunDirectory) -> None:
    """As after `train --resume`, when a later epoch was better."""
    store(run)
    latest = run.checkpoints.latest()
    assert latest is not None
    state = json.loads((latest / "state.json").read_text("utf-8"))
    (latest / "state.json").write_text(json.dumps({**state, "best_epoch": 7}), "utf-8")
    best = run.checkpoints.directory / f"best-{state['best_epoch']:05d}"
    best.rename(best.with_name("best-00007"))
    with pytest.raises(InputError, match=r"was trained on .*sesrec_tf\.retrieve --run .* --force"):
        load_head(run)


def test_another_run_s_weights_of_the_same_epoch_are_noticed(run: RunDirectory) -> None:
    store(run)
    file = run.checkpoints.best_files()[0]
    file.write_bytes(file.read_bytes() + b"\0")
    with pytest.raises(InputError, match=r"was trained on"):
        load_head(run)


def test_a_new_run_in_its_place_has_no_head(run: RunDirectory, tiny_data: PreparedDataset) -> None:
    store(run)
    config = run.config
    (run.path / "config.yaml").unlink()
    new = RunDirectory.create(run.path, config, tiny_data, ["CPU"])
    assert load_head(new) is None


@pytest.mark.parametrize("name", ["config.json", "weights.npz"])
@pytest.mark.parametrize("damage", ["removed", "cut", "garbage"])
def test_damage_is_said(run: RunDirectory, name: str, damage: str) -> None:
    store(run)
    file = head_directory(run) / name
    content = file.read_bytes()
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(content[: len(content) // 2] if damage == "cut" else b"\0garbage")
    with pytest.raises(InputError, match=r"is damaged .* --force"):
        load_head(run)


def test_weights_of_another_shape_are_damage(run: RunDirectory) -> None:
    store(run)
    file = head_directory(run) / "config.json"
    config = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps({**config, "users_width": 10}), "utf-8")
    with pytest.raises(InputError, match="is damaged"):
        load_head(run)
