from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from sesrec_tf.loading import load
from sesrec_tf.servable.origin import find_version
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.version_layout import ORIGIN_FILE


@pytest.fixture
def base(tiny_servable: Path, tmp_path: Path) -> Path:
    """Records of versions 3 and 12, and of directories that are no versions."""
    for name in ("3", "12", "copy", ".export-half"):
        (tmp_path / name / ORIGIN_FILE).parent.mkdir(parents=True)
        shutil.copy(tiny_servable / ORIGIN_FILE, tmp_path / name / ORIGIN_FILE)
    (tmp_path / "20" / "variables").mkdir(parents=True)
    return tmp_path


def test_the_newest_version_of_this_very_model(tiny_run: RunDirectory, base: Path):
    assert find_version(base, load(tiny_run.path), tiny_run) == base / "12"
    assert find_version(base / "none", load(tiny_run.path), tiny_run) is None


def test_another_weight_is_another_model(tiny_run: RunDirectory, base: Path):
    model = load(tiny_run.path)
    variable = model.trainable_variables[0]
    value = variable.numpy()
    value.flat[-1] += 1e-6
    variable.assign(value)
    assert find_version(base, model, tiny_run) is None


def test_other_settings_are_another_model(tiny_run: RunDirectory, base: Path, tmp_path: Path):
    run = RunDirectory(shutil.copytree(tiny_run.path, tmp_path / "run"))
    model = load(run.path)
    run.write_config(run.config.replace("training", epochs=99))
    assert find_version(base, model, run) == base / "12"
    run.write_config(run.config.replace("model", threshold="median"))
    assert find_version(base, model, run) is None
