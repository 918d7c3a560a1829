from __future__ import annotations

import os
import platform
import subprocess
import time
from pathlib import Path

import pytest

from sesrec_tf.errors import InputError
from sesrec_tf.files import owner
from sesrec_tf.servable.versions import (
    ABANDONED_AFTER,
    next_version,
    publish_version,
    require_publishable,
)
from sesrec_tf.version_layout import LARGEST_VERSION


def write(path: Path) -> None:
    (path / "saved_model.pb").write_text("a model")


def names(base: Path) -> list[str]:
    return sorted(child.name for child in base.iterdir())


def test_versions_count_up(tmp_path: Path):
    base = tmp_path / "models" / "sesrec"
    assert [publish_version(base, write).name for _ in range(3)] == ["1", "2", "3"]
    assert names(base) == ["1", "2", "3"]
    assert (base / "3" / "saved_model.pb").read_text() == "a model"


def test_a_given_version_and_the_next(tmp_path: Path):
    assert publish_version(tmp_path, write, 41) == tmp_path / "41"
    (tmp_path / "007").mkdir()
    (tmp_path / "notes").mkdir()
    assert next_version(tmp_path) == 42


@pytest.mark.parametrize("version", [7, 8])
def test_a_taken_version_keeps_its_content(tmp_path: Path, version: int):
    """007 is version 7; an empty directory is taken too."""
    (tmp_path / "007").mkdir()
    (tmp_path / "8").mkdir()
    with pytest.raises(InputError, match=f"version {version} stands in .* --version"):
        publish_version(tmp_path, write, version)
    assert names(tmp_path) == ["007", "8"]


def test_a_version_taken_while_writing(tmp_path: Path):
    def slow(path: Path) -> None:
        write(path)
        publish_version(tmp_path, write)

    assert publish_version(tmp_path, slow) == tmp_path / "2"
    assert names(tmp_path) == ["1", "2"]

    def late(path: Path) -> None:
        publish_version(tmp_path, write, 9)

    with pytest.raises(InputError, match="version 9 stands in"):
        publish_version(tmp_path, late, 9)
    assert (tmp_path / "9" / "saved_model.pb").exists()


def test_a_failure_leaves_nothing(tmp_path: Path):
    def fail(path: Path) -> None:
        write(path)
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        publish_version(tmp_path / "base", fail)
    assert names(tmp_path / "base") == []


def half_written(base: Path, publisher: str, age: float) -> Path:
    """What a publisher has written so far, some seconds ago."""
    staging = base / f".export-a1b2c3d4-{publisher}"
    (staging / "variables").mkdir(parents=True)
    write(staging)
    then = time.time() - age
    for path in (staging / "saved_model.pb", staging / "variables", staging):
        os.utime(path, (then, then))
    return staging


def test_what_killed_publishers_left_is_removed(tmp_path: Path):
    process = subprocess.Popen(["true"])
    process.wait()
    old = ABANDONED_AFTER + 60
    gone = [
        half_written(tmp_path, f"{platform.node()}-{process.pid}", 0),
        half_written(tmp_path, "elsewhere-77", old),
    ]
    kept = [
        half_written(tmp_path, owner(), old),
        half_written(tmp_path, "elsewhere-78", 60),
    ]
    busy = half_written(tmp_path, "elsewhere-79", old)
    (busy / "variables" / "just-written").touch()
    assert publish_version(tmp_path, write) == tmp_path / "1"
    assert not [path for path in gone if path.exists()]
    for path in (*kept, busy):
        assert (path / "saved_model.pb").exists()


def test_nothing_with_an_integer_name_is_ever_half_written(tmp_path: Path):
    def look(path: Path) -> None:
        write(path)
        assert not [name for name in names(tmp_path) if name.isdigit()]

    publish_version(tmp_path, look)


@pytest.mark.parametrize("version", [0, -1, 2**63])
def test_versions_out_of_range(tmp_path: Path, version: int):
    with pytest.raises(InputError, match="`version` should be in"):
        require_publishable(tmp_path, version)


def test_unusable_base_paths(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="should be a directory of versions"):
        publish_version(tmp_path / "file", write)
    with pytest.raises(InputError, match="cannot write in"):
        publish_version(tmp_path / "file" / "below", write)
    version = publish_version(tmp_path / "base", write)
    with pytest.raises(InputError, match=r"is a version.*--output"):
        publish_version(version, write)


def test_no_version_after_the_highest(tmp_path: Path):
    (tmp_path / str(LARGEST_VERSION)).mkdir()
    with pytest.raises(InputError, match="the highest possible"):
        next_version(tmp_path)
