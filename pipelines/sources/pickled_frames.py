"""pandas frames in pickles, of pandas 1 to 3.

No object of pandas is made: its classes stand for records that keep what the pickle says of
columns and blocks, so that the version of pandas that wrote a file does not matter and none of its
code runs on the file's data.
"""

from __future__ import annotations

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.sources.pickle_names import (
    CONTAINER_NAMES,
    Names,
    PickleName,
    SealedType,
    builtin_names,
)
from pipelines.sources.pickled_arrays import ARRAY_NAMES
from pipelines.sources.pickled_strings import STRING_NAMES, PickledStrings
from pipelines.sources.restricted_unpickler import read_pickle
from sesrec_tf.errors import InputError


def read_frame(path: Path, columns: Sequence[str]) -> dict[str, npt.NDArray[Any]]:
    """Columns of a pickled frame, without pandas and without running what the pickle holds.

    Args:
        path: of the file.
        columns: names of the columns to return.

    Returns:
        By name, `[rows]` numbers, or objects as in the file.

    Raises:
        InputError: if the file is missing, damaged or no frame, asks for a name that no frame of
            numbers, text and lists needs, or lacks a column.
    """
    frame = read_pickle(path, FRAME_NAMES)
    if not isinstance(frame, _Frame):
        raise InputError(
            f"{path} holds no pandas frame. Expected one with the columns {', '.join(columns)}. "
            f"Received: {type(frame).__name__}. Give the file as it was published."
        )
    try:
        found = frame.columns()
    except pickle.UnpicklingError as error:
        raise InputError(
            f"cannot read {path} ({error}). Expected a pandas frame of one name and one length "
            "for each column. Get the file again."
        ) from error
    missing = [name for name in columns if name not in found]
    if missing:
        raise InputError(
            f"{path}: missing column {', '.join(missing)}. Expected the columns "
            f"{', '.join(columns)}. Received: {', '.join(found) or 'none'}. Give the file as it "
            "was published."
        )
    return {name: found[name] for name in columns}


class _Block(NamedTuple):
    """Columns of one type: `[columns, rows]` values, or `[rows]`, and the columns' places."""

    values: Any
    places: Any


class _Manager(metaclass=SealedType):
    """Blocks and axes: as arguments from pandas 1.3 on, as state before."""

    __slots__ = ("axes", "blocks")

    def __init__(self, blocks: Sequence[Any] = (), axes: Sequence[Any] = ()) -> None:
        self.blocks = blocks
        self.axes = axes

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        content = state[3]["0.14.1"]
        self.axes = content["axes"]
        self.blocks = [_Block(block["values"], block["mgr_locs"]) for block in content["blocks"]]

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        labels = self.axes[0].labels
        result: dict[str, npt.NDArray[Any]] = {}
        for block in self.blocks:
            values = block.values.values if isinstance(block.values, PickledStrings) else None
            values = np.atleast_2d(np.asarray(block.values) if values is None else values)
            places = block.places
            if isinstance(places, slice):
                places = range(len(labels))[places]
            if values.ndim != 2 or len(places) != len(values):
                raise pickle.UnpicklingError("a block has other columns than places")
            for place, column in zip(places, values, strict=True):
                result[_label(labels[int(place)])] = column
        if len(result) != len(labels) or len({len(column) for column in result.values()}) > 1:
            raise pickle.UnpicklingError("its columns do not make a frame")
        return result


class _Frame(metaclass=SealedType):
    """Stands for a frame; everything but its blocks is left out."""

    __slots__ = ("_manager",)

    def __init__(self) -> None:
        self._manager = _Manager()

    def __setstate__(self, state: dict[str, Any]) -> None:
        # "_data" up to pandas 1.0.
        manager = state.get("_mgr", state.get("_data"))
        if not isinstance(manager, _Manager):
            raise pickle.UnpicklingError("it holds a frame without data")
        self._manager = manager

    def columns(self) -> dict[str, npt.NDArray[Any]]:
        """`[rows]` values by name.

        Raises:
            UnpicklingError: if blocks and names do not make a frame.
        """
        try:
            return self._manager.columns()
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            raise pickle.UnpicklingError(f"its columns do not make a frame: {error}") from error


def _label(name: object) -> str:
    if not isinstance(name, (str, int)):
        raise pickle.UnpicklingError("a column is called neither by text nor by a number")
    return str(name)


class _Index(NamedTuple):
    labels: Any


def _index(kind: object, data: dict[str, Any]) -> _Index:
    if not isinstance(kind, PickleName):
        raise pickle.UnpicklingError("it holds an index of a class of its own")
    if "data" not in data:
        return _Index(range(data["start"], data["stop"], data["step"]))
    labels = data["data"]
    return _Index(labels.values if isinstance(labels, PickledStrings) else labels)


class _BlockMaker(metaclass=SealedType):
    """`functools.partial` of the function that makes blocks, as pandas 1.3 writes it."""

    __slots__ = ()

    def __init__(self, function: object) -> None:
        if function is not _NEW_BLOCK:
            raise pickle.UnpicklingError("it prepares the call of a function")

    def __setstate__(self, state: object) -> None:
        """The number of dimensions, which the values have."""

    def __call__(self, values: object, places: object) -> _Block:
        return _Block(values, places)


def _block(values: object, places: object, dimensions: object = 2) -> _Block:
    del dimensions
    return _Block(values, places)


def _reconstructed(kind: object, base: object, state: object) -> object:
    # How protocols 0 and 1 make an object.
    if kind not in (_Frame, _Manager, PickledStrings) or state is not None:
        raise pickle.UnpicklingError("it makes an object that is no frame")
    del base
    return kind()


_NEW_BLOCK = PickleName("new_block", _block)

FRAME_NAMES: Names = {
    **CONTAINER_NAMES,
    **ARRAY_NAMES,
    **STRING_NAMES,
    **builtin_names(slice=slice, object=None),
    **{
        (module, "_reconstructor"): PickleName("_reconstructor", _reconstructed)
        for module in ("copyreg", "copy_reg")
    },
    # pandas 3 has its public classes at the top.
    ("pandas", "DataFrame"): _Frame,
    ("pandas.core.frame", "DataFrame"): _Frame,
    ("pandas.core.internals.managers", "BlockManager"): _Manager,
    ("pandas.core.indexes.base", "_new_Index"): PickleName("_new_Index", _index),
    ("pandas.core.internals.blocks", "new_block"): _NEW_BLOCK,
    ("pandas._libs.internals", "_unpickle_block"): PickleName("_unpickle_block", _block),
    ("functools", "partial"): PickleName("partial", _BlockMaker),
    **{
        (module, name): PickleName(name)
        for module, name in (
            ("pandas", "Index"),
            ("pandas", "RangeIndex"),
            ("pandas.core.indexes.base", "Index"),
            ("pandas.core.indexes.range", "RangeIndex"),
            ("pandas.core.indexes.numeric", "Int64Index"),
        )
    },
}
"""Frames of numbers, text and lists, with plain indexes."""
