"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import json
import os
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sesrec_tf.errors import InputError

PARTIAL = "partial"
REPLACED = "replaced"


@contextmanager
def new_directory(target: Path, replace: bool = False) -> Iterator[Path]:
    """A directory to fill, renamed to `target` on leaving and removed if filling fails.

    The temporary sibling's name starts with a dot, so that a reader who lists the parent for
    finished entries can pass it over. What a killed process left of an earlier attempt at the
    same target is removed; a target that was being replaced just then is kept, under a name with
    `.replaced-`, until a new one stands.

    Args:
        target: the directory to appear.
        replace: whether a directory there is replaced; without it there must be none.

    Raises:
        InputError: if the parent cannot be written.
    """
    temporary = _sibling(target, PARTIAL)
    try:
        remove_leftovers(target, PARTIAL)
        # A leftover of a process that had the same number.
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"cannot write beside {target} ({error}). Expected a directory that can be written. "
            "Choose another place."
        ) from error
    try:
        yield temporary
        if replace and target.exists():
            _replace(temporary, target)
        else:
            temporary.rename(target)
        remove_leftovers(target, REPLACED)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write, renamed to `target` on leaving, replacing it, and removed on failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(target, PARTIAL)
    temporary = _sibling(target, PARTIAL)
    try:
        yield temporary
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(target: Path, value: Any) -> None:
    """Writes a JSON file by rename."""
    with new_file(target) as path:
        path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")


def remove_leftovers(target: Path, kind: str) -> None:
    """Removes siblings of `target` that processes of this host left when they were killed.

    Those of other hosts, which may share the file system, and of living processes are spared.
    """
    prefix = f".{target.name}.{kind}-"
    siblings = list(target.parent.iterdir()) if target.parent.is_dir() else []
    for sibling in siblings:
        name = sibling.name.removeprefix(prefix)
        if sibling.name == prefix + name and owner_is_alive(name) is False:
            if sibling.is_dir():
                shutil.rmtree(sibling, ignore_errors=True)
            else:
                sibling.unlink(missing_ok=True)


def owner() -> str:
    """This process, as names of its temporary files end."""
    return f"{platform.node()}-{os.getpid()}"


def owner_is_alive(name: str) -> bool | None:
    """Whether the process that `owner` named is there; `None` if this host did not name it."""
    host = f"{platform.node()}-"
    number = name.removeprefix(host)
    return _alive(int(number)) if name == host + number and number.isdecimal() else None


def _replace(temporary: Path, target: Path) -> None:
    old = _sibling(target, REPLACED)
    shutil.rmtree(old, ignore_errors=True)
    target.rename(old)
    try:
        temporary.rename(target)
    except BaseException:
        # Also Ctrl-C between the two.
        if not target.exists():
            old.rename(target)
        raise
    shutil.rmtree(old)


def _sibling(target: Path, kind: str) -> Path:
    """A hidden name beside `target` that says which process uses it."""
    target = target.absolute()
    return target.with_name(f".{target.name}.{kind}-{owner()}")


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
