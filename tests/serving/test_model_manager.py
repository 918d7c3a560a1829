"""Versions on disk, and the ones that are refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from serving.model_manager import ModelManager
from sesrec_tf.errors import InputError


def test_highest_integer_wins(base_path: Path):
    for name in ("2", "010", "9", "-11", "12.tmp", "9" * 30):
        (base_path / name).mkdir()
    (base_path / "13").write_text("a file is no version")
    assert ModelManager("m", base_path).latest_path.name == "010"


def test_missing_base_path(tmp_path: Path):
    with pytest.raises(InputError, match="should be a directory"):
        ModelManager("m", tmp_path / "absent")


def test_no_version_says_what_is_there(base_path: Path):
    with pytest.raises(InputError, match=r"Found: assets, fingerprint\.pb"):
        ModelManager("m", base_path / "1")


def test_version_without_a_saved_model(base_path: Path):
    (base_path / "2").mkdir()
    manager = ModelManager("m", base_path)
    with pytest.raises(InputError, match=r"2/saved_model\.pb"):
        manager.load_latest()
    assert manager.versions == []


@pytest.mark.parametrize(
    "content", [b"\xff\xff\xff", b""], ids=["not a protocol buffer", "no graph"]
)
def test_damaged_saved_model(base_path: Path, content: bytes):
    (base_path / "1" / "saved_model.pb").write_bytes(content)
    with pytest.raises(InputError, match="xport the model again"):
        ModelManager("m", base_path).load_latest()


def test_missing_variables(base_path: Path):
    shutil.rmtree(base_path / "1" / "variables")
    with pytest.raises(InputError, match="cannot load"):
        ModelManager("m", base_path).load_latest()
