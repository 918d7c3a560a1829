"""Ids of a release as consecutive numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.errors import InputError

Integers = npt.NDArray[np.int64]

PADDING = -1
"""Code of the id that stands for no event."""

_PADDING_ENTRY = "padding"


class IdCodes:
    """Numbers ids from 0 in the order they are met; an integer is the id of its decimal digits.

    Args:
        padding: the id whose code is `PADDING`, or `None`.
    """

    def __init__(self, padding: str | None = None) -> None:
        self._codes: dict[str | None, int] = {padding: PADDING}

    def codes(self, ids: pa.Array) -> Integers:
        """The code of each id; those not met before get new ones.

        Args:
            ids: `[N]` text or integers, without nulls.
        """
        encoded = ids.dictionary_encode()
        met = self._codes
        new = [
            met.setdefault(text, len(met) - 1)
            for text in encoded.dictionary.cast(pa.large_string()).to_pylist()
        ]
        return np.asarray(new, np.int64)[encoded.indices.to_numpy(zero_copy_only=False)]

    def texts(self) -> pa.Array:
        """`[codes]` the ids, by code."""
        return pa.array(list(self._codes)[1:], pa.large_string())

    def __len__(self) -> int:
        return len(self._codes) - 1


def padding_left_out(count: int) -> dict[str, int]:
    """What `LogChunk.left_out` says of entries of lists and vocabularies that are padding."""
    return {_PADDING_ENTRY: count} if count else {}


def id_array(values: Sequence[Any] | npt.NDArray[Any], where: str) -> pa.Array:
    """Ids of a pickle as integers or as text.

    Args:
        values: `[N]` ids.
        where: they stand, for messages.

    Raises:
        InputError: if one is neither text nor an integer.
    """
    try:
        ids = pa.array(values)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        # Padding may be 0 where ids are text.
        usable = all(isinstance(value, (str, int, np.integer)) for value in values)
        ids = pa.array([str(value) for value in values] if usable else [None], pa.large_string())
    kind = ids.type
    text = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_null(kind)
    if ids.null_count or not (text or pa.types.is_integer(kind)):
        raise InputError(
            f"{where} holds something else than ids. Expected text or integers. Received: "
            f"values of type {kind}. Give the file as it was published."
        )
    return pc.cast(ids, pa.large_string()) if text else ids
