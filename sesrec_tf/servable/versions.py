"""Versions under a base path, as TF Serving looks for them."""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sesrec_tf.errors import InputError
from sesrec_tf.files import owner, owner_is_alive
from sesrec_tf.version_layout import LARGEST_VERSION, SAVED_MODEL_FILE, version_number

ABANDONED_AFTER = 24 * 3600
"""Seconds after which what another host left half written counts as abandoned."""

_STAGING = ".export-"


def publish_version(
    base: str | Path, write: Callable[[Path], None], version: int | None = None
) -> Path:
    """Writes a version and shows it complete: TF Serving tries a directory as soon as it sees one.

    Args:
        base: directory of the versions, made if absent.
        write: fills a directory with the SavedModel.
        version: number to publish under; the next free one when `None`.

    Returns:
        `BASE/<version>`.

    Raises:
        InputError: if the number is taken or out of range, or `base` cannot hold versions.
    """
    base = Path(base)
    require_publishable(base, version)
    with _staging_directory(base) as staging:
        write(staging)
        while True:
            target = base / str(next_version(base) if version is None else version)
            # A rename would silently replace an empty directory, but never a full one.
            if not target.exists() and _renamed(staging, target):
                return target
            if version is not None:
                raise _taken(base, version)


def next_version(base: Path) -> int:
    """One more than the highest version under `base`; 1 for the first.

    Raises:
        InputError: if that one is the highest possible.
    """
    highest = max(_versions(base), default=0)
    if highest == LARGEST_VERSION:
        raise InputError(
            f"{base} holds version {highest}, the highest possible. Choose a lower free --version."
        )
    return highest + 1


def require_publishable(base: str | Path, version: int | None = None) -> None:
    """Checks, before any long work, that a version can be published.

    Raises:
        InputError: as `publish_version`.
    """
    base = Path(base)
    if (base / SAVED_MODEL_FILE).exists():
        raise InputError(
            f"{base} is a version, expected the directory above it. Use --output {base.parent}."
        )
    if base.exists() and not base.is_dir():
        raise InputError(
            f"{base} should be a directory of versions. Received: a file. Choose another --output."
        )
    if version is None:
        return
    if not 1 <= version <= LARGEST_VERSION:
        raise InputError(
            f"`version` should be in [1, {LARGEST_VERSION}]. Received: {version}. Leave it out for "
            "the next one."
        )
    if version in _versions(base):
        raise _taken(base, version)


def _versions(base: Path) -> set[int]:
    if not base.is_dir():
        return set()
    numbers = (version_number(child.name) for child in base.iterdir())
    return {number for number in numbers if number is not None}


def _taken(base: Path, version: int) -> InputError:
    return InputError(
        f"version {version} stands in {base} already, and TF Serving would not notice a new one in "
        "its place. Leave --version out for the next one, or choose a free number."
    )


@contextmanager
def _staging_directory(base: Path) -> Iterator[Path]:
    """A directory beside the versions, removed if it was not renamed."""
    try:
        base.mkdir(parents=True, exist_ok=True)
        _remove_abandoned(base)
        # TF Serving passes over names that are no integers.
        staging = Path(tempfile.mkdtemp(prefix=_STAGING, suffix=f"-{owner()}", dir=base))
    except OSError as error:
        raise InputError(f"cannot write in {base}: {error}. Choose another --output.") from error
    try:
        staging.chmod(0o755)
        yield staging
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _remove_abandoned(base: Path) -> None:
    """Removes what publishers left that were killed, never what a living one fills.

    A process of another host, which may share the file system, cannot be asked: it counts as gone
    when nothing in its directory has changed for a day.
    """
    for staging in base.glob(f"{_STAGING}*"):
        # The random part of the name has no hyphen.
        alive = owner_is_alive(staging.name.removeprefix(_STAGING).partition("-")[2])
        if alive is False or (alive is None and _idle_seconds(staging) > ABANDONED_AFTER):
            shutil.rmtree(staging, ignore_errors=True)


def _idle_seconds(directory: Path) -> float:
    """Since anything in it changed."""
    try:
        changes = [path.stat().st_mtime for path in (directory, *directory.rglob("*"))]
    except OSError:
        # It changes right now.
        return 0.0
    return time.time() - max(changes)


def _renamed(source: Path, target: Path) -> bool:
    try:
        os.rename(source, target)
    except OSError:
        if not target.exists():
            raise
        return False
    return True
