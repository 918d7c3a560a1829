from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest
import yaml

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.training.run_directory import RunDirectory


def create(path: Path, config: Config, data: PreparedDataset) -> RunDirectory:
    return RunDirectory.create(path, config, data, ["CPU:0"])


def edited_info(data: PreparedDataset, target: Path, **changes: object) -> Path:
    """A copy of a data set with another `dataset_info.json`."""
    shutil.copytree(data.path, target)
    file = target / INFO_FILE
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")
    return target


def test_layout(tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path) -> None:
    run = create(tmp_path / "runs" / "first", tiny_config, tiny_data)
    assert sorted(os.listdir(run.path)) == ["config.yaml", "dataset", "run.json"]
    assert Config.from_dict(yaml.safe_load((run.path / "config.yaml").read_text())) == tiny_config
    again = RunDirectory.open(run.path)
    assert again.config == tiny_config
    assert again.dataset.sizes == tiny_data.sizes
    assert again.dataset.vocabulary("items") == tiny_data.vocabulary("items")
    assert (again.dataset.item_attributes == tiny_data.item_attributes).all()
    assert again.data_path == tiny_data.path.resolve()
    again.check_same_data(tiny_data)


def test_provenance(tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path) -> None:
    info = create(tmp_path / "run", tiny_config, tiny_data).info
    assert set(info) == {
        "command",
        "started",
        "seed",
        "python",
        "versions",
        "source_revision",
        "data",
        "hardware",
    }
    assert info["seed"] == tiny_config.training.seed
    assert info["command"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", info["started"])
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", info["versions"]["tensorflow"])
    assert info["source_revision"] is None or re.fullmatch("[0-9a-f]{40}", info["source_revision"])
    assert RunDirectory(tmp_path / "run").content_hash == tiny_data.info["content_hash"]
    assert info["data"]["path"] == str(tiny_data.path.resolve())
    assert info["hardware"]["devices"] == ["CPU:0"]


def test_a_used_directory_is_refused_and_kept(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run = create(tmp_path / "run", tiny_config, tiny_data)
    before = (run.path / "config.yaml").read_bytes()
    other = tiny_config.replace("training", seed=5)
    with pytest.raises(InputError, match=r"holds a run already.*--resume"):
        create(tmp_path / "run", other, tiny_data)
    assert (run.path / "config.yaml").read_bytes() == before


def test_what_a_killed_start_left_is_replaced(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """Killed before the configuration was written: nothing was started here."""
    stale = tmp_path / "run" / "dataset"
    (stale / "vocabularies").mkdir(parents=True)
    (stale / INFO_FILE).write_text("{}")
    assert not RunDirectory(tmp_path / "run").exists()
    run = create(tmp_path / "run", tiny_config, tiny_data)
    assert run.dataset.sizes == tiny_data.sizes


def test_a_run_starts_after_what_should_stand_before(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """And without the checkpoints of an attempt that never started."""
    run = RunDirectory(tmp_path / "run")
    stale = run.checkpoints.directory / "step-00000-00000000"
    stale.mkdir(parents=True)
    found = []

    def before_start() -> None:
        found.append((run.exists(), run.checkpoints.latest()))
        (run.checkpoints.directory / "step-00000-00000007").mkdir(parents=True)

    RunDirectory.create(run.path, tiny_config, tiny_data, ["CPU:0"], before_start)
    assert found == [(False, None)]
    assert run.exists()
    assert os.listdir(run.checkpoints.directory) == ["step-00000-00000007"]


def test_settings_are_replaced_whole(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run = create(tmp_path / "run", tiny_config, tiny_data)
    before = sorted(os.listdir(run.path))
    run.write_config(tiny_config.replace("training", epochs=77))
    assert run.config.training.epochs == 77
    assert sorted(os.listdir(run.path)) == before


def test_a_file_in_the_way(tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="is a file"):
        create(tmp_path / "file", tiny_config, tiny_data)
    with pytest.raises(InputError, match="cannot write beside"):
        create(tmp_path / "file" / "run", tiny_config, tiny_data)


def test_no_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a run directory.*sesrec_tf.train"):
        RunDirectory.open(tmp_path)


def test_data_of_other_sizes_are_refused(
    tiny_run: RunDirectory, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    sizes = {**tiny_data.info["vocabularies"], "items": 61}
    path = edited_info(tiny_data, tmp_path / "data", vocabularies=sizes)
    with pytest.raises(InputError, match=r"'items': 61.*--init-from") as error:
        tiny_run.check_same_data(PreparedDataset(path))
    assert f"'items': {tiny_data.sizes.items}" in str(error.value)


def test_a_permuted_vocabulary_is_refused(
    tiny_run: RunDirectory, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    """All sizes agree, but every index means another item."""
    path = edited_info(tiny_data, tmp_path / "data")
    names = tiny_data.vocabulary("items")
    text = "".join(f"{name}\n" for name in reversed(names))
    (path / "vocabularies" / "items.txt").write_text(text, "utf-8")
    with pytest.raises(InputError, match=r"vocabulary items has the expected size.*another order"):
        tiny_run.check_same_data(PreparedDataset(path))


def test_data_of_another_format_version(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    path = edited_info(tiny_data, tmp_path / "data", format_version=99)
    with pytest.raises(InputError, match=r"format version 99, expected \d+. Prepare the data set"):
        PreparedDataset(path)


def test_metrics_are_merged(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run = create(tmp_path / "run", tiny_config, tiny_data)
    assert run.metrics == {}
    run.write_metrics({"valid": {"mrr": 0.5}, "best_epoch": 3})
    run.write_metrics({"valid": {"mrr": 0.25}, "test": {"mrr": 1 / 3}})
    expected = {"valid": {"mrr": 0.25}, "best_epoch": 3, "test": {"mrr": 1 / 3}}
    assert run.metrics == expected
    assert json.loads((run.path / "metrics.json").read_text()) == expected
