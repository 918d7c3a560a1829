"""A `models.config` that changes while it is served."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

import pytest
from tensorflow_serving.apis.model_pb2 import ModelSpec

from serving.server.config_watcher import ConfigWatcher
from serving.server.model_catalog import ModelCatalog
from serving.server.model_config import read_models
from serving.server.status_error import StatusError


def write(file: Path, base_path: Path, versions: str, stable: int) -> None:
    file.write_text(
        f'model_config_list {{ config {{ name: "m" base_path: "{base_path}" '
        f'model_platform: "tensorflow" model_version_policy {{ specific {{ {versions} }} }} '
        f'version_labels {{ key: "stable" value: {stable} }} }} }}'
    )


def stable_version(catalog: ModelCatalog) -> int:
    with catalog.lease(ModelSpec(name="m", version_label="stable")) as servable:
        return servable.version


def test_canary_becomes_stable_in_two_edits(base_path: Path, tmp_path: Path, caplog):
    shutil.copytree(base_path / "1", base_path / "2")
    file = tmp_path / "models.config"
    write(file, base_path, "versions: 1", stable=1)
    catalog, models = ModelCatalog(labels_in_advance=True), read_models(file)
    catalog.configure(models)
    watcher = ConfigWatcher(catalog, models, lambda: read_models(file))
    # Both at once: TF Serving refuses to move a label to a version that is not served.
    write(file, base_path, "versions: 1 versions: 2", stable=2)
    watcher.look()
    watcher.look()
    assert caplog.text.count("which is not currently available for inference") == 1
    write(file, base_path, "versions: 1 versions: 2", stable=1)
    watcher.look()
    catalog.managers[0].update()
    assert catalog.managers[0].versions == [1, 2]
    assert stable_version(catalog) == 1
    write(file, base_path, "versions: 2", stable=2)
    watcher.look()
    assert stable_version(catalog) == 2
    catalog.managers[0].update()
    assert catalog.managers[0].versions == [2]


def test_unusable_file_changes_nothing(base_path: Path, tmp_path: Path, caplog):
    file = tmp_path / "models.config"
    write(file, base_path, "versions: 1", stable=1)
    catalog, models = ModelCatalog(labels_in_advance=True), read_models(file)
    catalog.configure(models)
    watcher = ConfigWatcher(catalog, models, lambda: read_models(file))
    file.write_text("model_config_list {")
    watcher.look()
    assert "cannot read models" in caplog.text
    assert stable_version(catalog) == 1


def test_watching_in_a_thread(base_path: Path, tmp_path: Path):
    file = tmp_path / "models.config"
    write(file, base_path, "versions: 1", stable=1)
    catalog, models = ModelCatalog(labels_in_advance=True), read_models(file)
    catalog.configure(models)
    watcher = ConfigWatcher(catalog, models, lambda: read_models(file))
    watcher.watch(0.02)
    file.write_text(file.read_text().replace("stable", "main"))
    while "stable" in catalog._labels["m"]:
        time.sleep(0.01)
    watcher.stop()
    file.write_text(file.read_text().replace("main", "stable"))
    with pytest.raises(StatusError):
        stable_version(catalog)
