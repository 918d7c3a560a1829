"""Pickles of somebody else's, read without running anything they hold."""

from __future__ import annotations

import copyreg
import io
import pickle
from pathlib import Path
from typing import IO

from pipelines.sources.pickle_names import CONTAINER_NAMES, Names
from pipelines.sources.pickle_nesting import require_shallow
from sesrec_tf.errors import InputError


def read_pickle(path: Path, names: Names = CONTAINER_NAMES) -> object:
    """The content of a pickle of plain data, of any protocol.

    A pickle is a program. This reader does what the program says with lists, tuples, dictionaries,
    sets, text, bytes and numbers; every name it asks for must be among `names`, and gives what
    stands there, never what Python knows by that name. File and content are held in memory: a file
    can still ask for more memory than there is.

    Args:
        path: of the file.
        names: what each allowed name stands for. They check their arguments and can neither run
            code nor be changed.

    Raises:
        InputError: if the file is missing, damaged or no pickle, asks for another name, or nests
            deeper than `pickle_nesting.DEEPEST`.
    """
    # Objects registered under a number and loaded before would be had without asking by name.
    copyreg._extension_cache.clear()  # type: ignore[attr-defined]
    try:
        data = path.read_bytes()
        require_shallow(data)
        return _RestrictedUnpickler(io.BytesIO(data), path, names).load()
    except FileNotFoundError as error:
        raise InputError(
            f"there is no file {path}. Give the directory that holds the files as published."
        ) from error
    except InputError:
        raise
    # A damaged pickle can raise anything.
    except Exception as error:
        problem = " ".join(f"{type(error).__name__}: {error}".split())
        raise InputError(
            f"cannot read {path} ({problem}). Expected a complete pickle of plain data. Get the "
            "file again."
        ) from error


_LONGEST_NAME = 200


class _RestrictedUnpickler(pickle.Unpickler):
    def __init__(self, file: IO[bytes], path: Path, names: Names) -> None:
        super().__init__(file)
        self._path = path
        self._names = names

    def find_class(self, module: str, name: str) -> object:
        """What stands for a name; asked for every name, of a pickle of any protocol."""
        try:
            return self._names[module, name]
        except KeyError:
            asked = ascii(f"{module}.{name}")[1:-1]
            raise InputError(
                f"{self._path} asks for {asked[:_LONGEST_NAME]}, which is refused: a pickle can "
                "run any code. Expected plain containers, text, numbers and arrays of them. "
                "Get the file from its authors."
            ) from None

    def persistent_load(self, pid: object) -> object:
        """Refuses objects kept elsewhere."""
        raise pickle.UnpicklingError("it asks for an object that is kept elsewhere")
