"""Pickles that would run code, were they read by anything that trusts them.

Each would make a file of the given path; none of the code here is ever called to do so.
"""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd


class Command:
    """Runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._command = f"touch {path}"

    def __reduce__(self) -> tuple[Any, ...]:
        return os.system, (self._command,)


class Expression:
    """Evaluates an expression when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._text = f"open({str(path)!r}, 'w')"

    def __reduce__(self) -> tuple[Any, ...]:
        return eval, (self._text,)


def object_array(value: object) -> np.ndarray:
    """An array of one object."""
    array = np.empty(1, object)
    array[0] = value
    return array


CARRIERS = {
    "itself": lambda value: value,
    "list": lambda value: [1, [value]],
    "dictionary": lambda value: {"a": {"b": value}},
    "tuple": lambda value: (value, 2),
    "array": object_array,
    "frame": lambda value: pd.DataFrame({"user_id": [1], "cell": [[value]]}),
}
"""What a hostile object can hide in, by name."""


def text(value: str) -> bytes:
    """The opcode that pushes a short text."""
    data = value.encode()
    return pickle.SHORT_BINUNICODE + bytes([len(data)]) + data


def name(module: str, attribute: str) -> bytes:
    """The opcodes that ask for a name, of protocol 4."""
    return text(module) + text(attribute) + pickle.STACK_GLOBAL


def program(*opcodes: bytes) -> bytes:
    """A pickle of these opcodes."""
    return b"".join([pickle.PROTO, b"\x04", *opcodes, pickle.STOP])
