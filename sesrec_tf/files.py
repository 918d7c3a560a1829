"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def new_directory(target: Path) -> Iterator[Path]:
    """A directory to fill, renamed to `target` on leaving and removed if filling fails.

    `target` must not exist. The temporary sibling's name starts with a dot, so that a reader who
    lists the parent for finished entries can pass it over.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        temporary.chmod(0o755)
        yield temporary
        os.rename(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path to write, renamed to `target` on leaving, replacing it, and removed on failure."""
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(target: Path, value: Any) -> None:
    """Writes a JSON file by rename."""
    with new_file(target) as path:
        path.write_text(json.dumps(value, indent=2) + "\n", "utf-8")
