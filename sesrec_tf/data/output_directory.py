"""Directories that appear whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sesrec_tf.errors import InputError


@contextmanager
def published_directory(output: Path, marker: str, overwrite: bool) -> Iterator[Path]:
    """Gives a temporary sibling to write in, and renames it to `output` at the end.

    If the body raises, the sibling is removed and what stood at `output` is untouched.

    Args:
        output: the directory to appear.
        marker: name of a file that every complete output holds.
        overwrite: whether an earlier output there is replaced.

    Raises:
        InputError: if `output` exists and is not to be overwritten, or holds something else.
    """
    require_free(output, marker, overwrite)
    output = output.absolute()
    partial = output.with_name(f".{output.name}.partial-{os.getpid()}")
    # A leftover of a killed process that had the same number.
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f"cannot write beside {output} ({error}). Choose another `--output`."
        ) from error
    try:
        yield partial
        _replace(partial, output)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def require_free(output: Path, marker: str, overwrite: bool) -> None:
    """Checks that `output` may be written.

    Raises:
        InputError: if it exists and is not to be overwritten, or holds something else.
    """
    if not output.exists():
        return
    if not overwrite:
        raise InputError(
            f"{output} exists already. Expected a directory that does not. Choose another "
            "`--output`, or replace it with `--overwrite`."
        )
    if not (output / marker).is_file():
        raise InputError(
            f"{output} exists and is not an earlier output: it holds no {marker}. Nothing was "
            "replaced. Choose another `--output`."
        )


def _replace(partial: Path, output: Path) -> None:
    if not output.exists():
        partial.rename(output)
        return
    old = output.with_name(f".{output.name}.replaced-{os.getpid()}")
    output.rename(old)
    partial.rename(output)
    shutil.rmtree(old)
