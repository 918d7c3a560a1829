"""NumPy's numbers and arrays in pickles, of any NumPy from 1 on.

NumPy's own functions are not given to the pickle: they would take sizes that the data does not
have. Those here check that shape, type and data agree, then build arrays of numbers or of objects
that came from the same pickle.
"""

from __future__ import annotations

import math
import pickle
import re
from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.sources.pickle_names import Names, PickleName, SealedType

_TYPE_CODE = re.compile(r"b1|[iu][1248]|f[248]|O8?")
_BYTE_ORDERS = ("<", ">", "=", "|")


class _PickledType(metaclass=SealedType):
    """`numpy.dtype` of a number or an object; its byte order comes as state."""

    __slots__ = ("_code", "_order")

    def __init__(self, code: object, *flags: object) -> None:
        del flags  # Alignment and whether to copy.
        if not isinstance(code, str) or _TYPE_CODE.fullmatch(code) is None:
            raise pickle.UnpicklingError("it holds an array that is not of numbers or objects")
        self._code = code
        self._order = "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] not in _BYTE_ORDERS:
            raise pickle.UnpicklingError("it holds an array of an unknown byte order")
        self._order = state[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.object_ if self._code[0] == "O" else self._order + self._code)


class _PickledArray(np.ndarray[Any, Any], metaclass=SealedType):
    """An array that takes no state but one that fits."""

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if self.shape != (0,):
            raise pickle.UnpicklingError("it fills an array twice")
        _, shape, kind, fortran, data = state
        dtype, count = _dtype(kind), _count(shape)
        if dtype.hasobject:
            fits = isinstance(data, list) and len(data) == count
        else:
            fits = isinstance(data, bytes) and len(data) == count * dtype.itemsize
        if not fits:
            raise pickle.UnpicklingError("it holds an array of another size than its data")
        super().__setstate__((1, shape, dtype, bool(fortran), data))  # type: ignore[arg-type]


_NDARRAY = PickleName("numpy.ndarray")


def _empty(kind: object, *arguments: object) -> npt.NDArray[Any]:
    del arguments  # Shape and type of nothing; the state has the real ones.
    if kind is not _NDARRAY:
        raise pickle.UnpicklingError("it holds an array of a class of its own")
    return _PickledArray((0,), np.int8)


def _scalar(kind: object, data: object) -> object:
    dtype = _dtype(kind)
    if dtype.hasobject or not isinstance(data, bytes) or len(data) != dtype.itemsize:
        raise pickle.UnpicklingError("it holds a number with other data")
    return np.frombuffer(data, dtype)[0].item()


def _from_buffer(
    data: object, kind: object, shape: object, order: object = "C"
) -> npt.NDArray[Any]:
    dtype, count = _dtype(kind), _count(shape)
    fits = isinstance(data, (bytes, bytearray)) and len(data) == count * dtype.itemsize
    if dtype.hasobject or not fits or order not in ("C", "F"):
        raise pickle.UnpicklingError("it holds an array of another size than its data")
    return np.ndarray(shape, dtype, bytes(data), order=order)  # type: ignore[arg-type, call-overload]


def _dtype(kind: object) -> np.dtype[Any]:
    if not isinstance(kind, _PickledType):
        raise pickle.UnpicklingError("it holds an array without a type")
    return kind.dtype


def _count(shape: object) -> int:
    if not isinstance(shape, tuple) or any(type(n) is not int or n < 0 for n in shape):
        raise pickle.UnpicklingError("it holds an array whose shape is not made of sizes")
    return math.prod(shape)


ARRAY_NAMES: Names = {
    ("numpy", "ndarray"): _NDARRAY,
    ("numpy", "dtype"): PickleName("numpy.dtype", _PickledType),
    # NumPy 2 renamed `core`.
    **{
        (f"numpy.{core}.{module}", name): PickleName(f"numpy {name}", build)
        for core in ("core", "_core")
        for module, name, build in (
            ("multiarray", "_reconstruct", _empty),
            ("multiarray", "scalar", _scalar),
            ("numeric", "_frombuffer", _from_buffer),
        )
    },
}
"""Arrays of numbers and of objects, read as arrays, and NumPy's numbers, read as Python's."""
