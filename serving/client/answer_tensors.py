"""Tensors of an answer as arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.client import wire_messages as wire

Array = npt.NDArray[Any]

MAXIMUM_VALUES = 1 << 28
"""Values of one output: a few bytes may declare a tensor of any size."""

_VALUES = {
    "float32": ("float_val", "<f4"),
    "int32": ("int_val", "<i4"),
    "int64": ("int64_val", "<i8"),
    "bool": ("bool_val", "?"),
    "string": ("string_val", None),
}
"""Field of a `TensorProto` and NumPy's name of its raw bytes, by dtype."""


def answer_array(tensor: Any, dtype: str, shape: Sequence[int | None]) -> Array:
    """A `TensorProto` as an array, in any of the encodings that servers use.

    A batcher pads the requests of a batch to the widest, and so their answers: columns (axis 1)
    beyond those asked for are cut off. Fewer are refused.

    Args:
        tensor: the message.
        dtype: expected, a key of `_VALUES`; strings become `str` in an object array.
        shape: expected sizes of at least two axes, `None` where any will do.

    Raises:
        ValueError: for another dtype or shape, a number of values that does not fit it, or strings
            that are no UTF-8.
    """
    received = tuple(dim.size for dim in tensor.tensor_shape.dim)
    name = wire.DTYPE_NAMES.get(tensor.dtype, f"DataType {tensor.dtype}")
    if name != dtype or not _fits(received, shape):
        wanted = ", ".join("any" if size is None else str(size) for size in shape)
        raise ValueError(
            f"expected {dtype} of shape ({wanted}), received {name} of shape {received}"
        )
    return _values(tensor, dtype, received)[:, : shape[1]]


def _fits(received: tuple[int, ...], shape: Sequence[int | None]) -> bool:
    if len(received) != len(shape) or min(received) < 0:
        return False
    return all(
        wanted is None or size == wanted or (axis == 1 and size > wanted)
        for axis, (size, wanted) in enumerate(zip(received, shape, strict=True))
    )


def _values(tensor: Any, dtype: str, shape: tuple[int, ...]) -> Array:
    size = math.prod(shape)
    if size > MAXIMUM_VALUES:
        raise ValueError(f"expected at most {MAXIMUM_VALUES} values, received shape {shape}")
    field, raw = _VALUES[dtype]
    content = tensor.tensor_content
    listed: Any = getattr(tensor, field)
    if raw is None:
        listed = [text.decode("utf-8") for text in _split_strings(content, size) or listed]
        values = np.array(listed, object)
    else:
        values = np.frombuffer(content, raw) if content else np.array(listed, raw)
    missing = size - len(values)
    if missing > 0 and len(values) > 0 and not content:
        # A shorter list means that its last value repeats.
        values = np.pad(values, (0, missing), mode="edge")
    return values.reshape(shape)


def _split_strings(content: bytes, number: int) -> list[bytes]:
    """TensorFlow's raw form of strings: all lengths as varints, then all bytes."""
    if not content:
        return []
    lengths, place = [], 0
    for _ in range(number):
        length, shift = 0, 0
        while True:
            if place >= len(content):
                raise ValueError(f"expected {number} strings, received content for fewer")
            byte = content[place]
            place += 1
            length |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                break
        lengths.append(length)
    ends = list(itertools.accumulate(lengths, initial=place))
    if ends[-1] != len(content):
        raise ValueError(f"expected {ends[-1]} bytes of strings, received {len(content)}")
    return [content[start:end] for start, end in itertools.pairwise(ends)]
