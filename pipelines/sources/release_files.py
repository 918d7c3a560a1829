"""Files of a published data package."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipelines.sources.pickle_names import CONTAINER_NAMES
from pipelines.sources.pickled_arrays import ARRAY_NAMES
from pipelines.sources.restricted_unpickler import read_pickle
from sesrec_tf.errors import InputError


def require_files(directory: Path, names: Sequence[str]) -> None:
    """Checks that a package is complete.

    Raises:
        InputError: naming the files that are not there.
    """
    missing = [name for name in names if not (directory / name).is_file()]
    if missing:
        raise InputError(
            f"{directory} lacks {', '.join(missing)}. Expected the files {', '.join(names)}. Give "
            "the directory of the unpacked package."
        )


def read_dictionary(path: Path) -> dict[Any, Any]:
    """A pickled dictionary of containers, text, numbers and arrays.

    Raises:
        InputError: if the file is missing, damaged, holds something else or asks for more.
    """
    content = read_pickle(path, {**CONTAINER_NAMES, **ARRAY_NAMES})
    if not isinstance(content, dict):
        raise InputError(
            f"{path} holds no dictionary. Expected entries by their id or name. Received: "
            f"{type(content).__name__}. Give the file as it was published."
        )
    return content
