"""Where a prepared data set may be written."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sesrec_tf.errors import InputError
from sesrec_tf.files import new_directory


@contextmanager
def published_directory(output: Path, marker: str, overwrite: bool) -> Iterator[Path]:
    """A `new_directory` for a command's `--output`, after a check that it may be written.

    If the body raises, what stood at `output` is untouched.

    Args:
        output: the directory to appear.
        marker: name of a file that every complete output holds.
        overwrite: whether an earlier output there is replaced.

    Raises:
        InputError: if `output` exists and is not to be overwritten, or holds something else.
    """
    require_free(output, marker, overwrite)
    with new_directory(output, replace=overwrite) as directory:
        yield directory


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
