from __future__ import annotations

import json
import os
import platform
import subprocess
from pathlib import Path

import pytest

from sesrec_tf.errors import InputError
from sesrec_tf.files import new_directory, new_file, owner, owner_is_alive, write_json


@pytest.fixture(scope="module")
def dead() -> int:
    """Number of a process that is over."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def leftover(target: Path, kind: str, process: int, host: str | None = None) -> Path:
    """What a process that is killed leaves beside its target."""
    path = target.with_name(f".{target.name}.{kind}-{host or platform.node()}-{process}")
    path.mkdir(parents=True)
    (path / "half").write_text("half")
    return path


def fill(target: Path, text: str, replace: bool = False) -> None:
    with new_directory(target, replace) as path:
        (path / "file").write_text(text)
        assert path.parent == target.parent
        assert path.name.startswith(".")


def test_a_directory_appears_whole(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with new_directory(target) as path:
        (path / "file").write_text("x")
        assert not target.exists()
    assert (target / "file").read_text() == "x"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_leaves_no_directory(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), new_directory(tmp_path / "target") as path:
        (path / "file").write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []


def test_a_directory_there_is_replaced_only_if_asked(tmp_path: Path) -> None:
    target = tmp_path / "target"
    fill(target, "old")
    with pytest.raises(OSError, match="not empty"):
        fill(target, "new")
    assert (target / "file").read_text() == "old"
    fill(target, "new", replace=True)
    assert (target / "file").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_leftovers_of_killed_processes_go(tmp_path: Path, dead: int) -> None:
    target = tmp_path / "target"
    gone = [leftover(target, kind, dead) for kind in ("partial", "replaced")]
    mine = leftover(target, "partial", os.getpid())
    kept = [
        leftover(target, "partial", os.getppid()),
        leftover(target, "partial", dead, host="elsewhere"),
        leftover(tmp_path / "other", "partial", dead),
    ]
    fill(target, "new")
    assert (target / "file").read_text() == "new"
    assert not any(path.exists() for path in [*gone, mine])
    assert all(path.exists() for path in kept)


def test_what_was_being_replaced_is_kept_until_something_stands(tmp_path: Path, dead: int) -> None:
    """Killed between the two renames: the old directory has only its hidden name."""
    target = tmp_path / "target"
    old = leftover(target, "replaced", dead)
    with pytest.raises(ZeroDivisionError), new_directory(target):
        raise ZeroDivisionError
    assert old.exists()
    fill(target, "new", replace=True)
    assert not old.exists()


def test_a_parent_that_is_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        pytest.raises(InputError, match="cannot write beside"),
        new_directory(tmp_path / "file" / "target"),
    ):
        pass


def test_a_file_appears_whole_and_replaces(tmp_path: Path, dead: int) -> None:
    target = tmp_path / "deep" / "file"
    stale = tmp_path / "deep" / f".file.partial-{platform.node()}-{dead}"
    stale.parent.mkdir()
    stale.write_text("half")
    for text in ("old", "new"):
        with new_file(target) as path:
            path.write_text(text)
            assert not target.exists() or target.read_text() == "old"
        assert target.read_text() == text
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_text("old")
    with pytest.raises(ZeroDivisionError), new_file(target) as path, path.open("w") as file:
        file.write(f"half {1 / 0}")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_json(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"größe": [1, None, 0.1]})
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == {"größe": [1, None, 0.1]}


def test_owners(dead: int) -> None:
    assert owner_is_alive(owner()) is True
    assert owner_is_alive(f"{platform.node()}-{dead}") is False
    # Another host's, which may share the file system, and names that are no owner's.
    for name in (f"elsewhere-{dead}", f"{platform.node()}-5-{dead}", f"{platform.node()}-", ""):
        assert owner_is_alive(name) is None
