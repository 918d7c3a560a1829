"""Arrow's text columns in pickles, as pandas 3 writes the columns of a frame."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipelines.sources.pickle_names import Names, PickleName, SealedType, builtin_names

_TEXT_TYPES = {"string": pa.string(), "large_string": pa.large_string()}


class PickledStrings(metaclass=SealedType):
    """Stands for pandas' array of text."""

    __slots__ = ("_texts",)

    def __init__(self) -> None:
        self._texts = pa.array([], pa.large_string())

    def __setstate__(self, state: dict[str, Any]) -> None:
        texts = state["_pa_array"]
        if not isinstance(texts, pa.Array | pa.ChunkedArray):
            raise pickle.UnpicklingError("it holds an array of text without text")
        self._texts = texts

    @property
    def values(self) -> npt.NDArray[np.object_]:
        """The texts; `None` for an absent one."""
        return np.asarray(self._texts.to_pylist(), object)


def _text_type(alias: object) -> pa.DataType:
    if alias not in _TEXT_TYPES:
        raise pickle.UnpicklingError("it holds Arrow data that is not text")
    return _TEXT_TYPES[str(alias)]


def _bytearray(*arguments: object) -> bytearray:
    data, *encoding = arguments or (b"",)
    if isinstance(data, str) and encoding == ["latin-1"]:
        return bytearray(data, "latin-1")
    # A number would be a size.
    if not isinstance(data, bytes) or encoding:
        raise pickle.UnpicklingError("it makes bytes of something else")
    return bytearray(data)


def _buffer(data: object) -> pa.Buffer:
    if not isinstance(data, (bytes, bytearray)):
        raise pickle.UnpicklingError("it makes a buffer of something else than bytes")
    # A copy: what the pickle keeps of a bytearray may change.
    return pa.py_buffer(bytes(data))


def _array(parts: tuple[Any, ...]) -> pa.Array:
    kind, length, _, offset, buffers, children, dictionary = parts
    sizes = type(length) is int and type(offset) is int and min(length, offset) >= 0
    if kind not in _TEXT_TYPES.values() or not sizes or children or dictionary is not None:
        raise pickle.UnpicklingError("it holds Arrow data that is not text")
    texts = pa.Array.from_buffers(kind, length, buffers, -1, offset)
    texts.validate(full=True)
    return texts


def _chunks(arrays: list[pa.Array], kind: pa.DataType) -> pa.ChunkedArray:
    return pa.chunked_array(arrays, kind)


STRING_NAMES: Names = {
    ("pandas.arrays", "ArrowStringArray"): PickledStrings,
    ("pandas", "StringDtype"): PickleName("StringDtype", lambda *arguments: None),
    **builtin_names(bytearray=_bytearray),
    **{
        ("pyarrow.lib", name): PickleName(f"pyarrow {name}", build)
        for name, build in (
            ("type_for_alias", _text_type),
            ("py_buffer", _buffer),
            ("_restore_array", _array),
            ("chunked_array", _chunks),
        )
    },
}
