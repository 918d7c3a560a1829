"""Names that a pickle may use, and the harmless things they stand for here.

A pickle names functions and classes to be called. None of those is looked up: each allowed name
stands for something of this package that cannot run code, and that no pickle can change.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping
from typing import Any


class SealedType(type):
    """The type of classes whose attributes are fixed: a pickle may set state on a class, too."""

    def __setattr__(cls, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"it sets {name} of a class")


class PickleName(metaclass=SealedType):
    """What an allowed name stands for: a function, or nothing but itself.

    Args:
        name: for messages.
        build: called with what the pickle gives the function or class of that name; it checks its
            arguments and returns plain data. `None` for a name that is only passed on.
    """

    __slots__ = ("_build", "_name")
    _build: Callable[..., object] | None
    _name: str

    def __init__(self, name: str, build: Callable[..., object] | None = None) -> None:
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_build", build)

    def __call__(self, *arguments: object) -> object:
        """What the call in the pickle gives.

        Raises:
            UnpicklingError: if this name is not to be called.
        """
        if self._build is None:
            raise pickle.UnpicklingError(f"it calls {self._name}")
        return self._build(*arguments)

    def __setattr__(self, name: str, value: object) -> None:
        raise pickle.UnpicklingError(f"it sets {name} of a function")

    def __setstate__(self, state: object) -> None:
        raise pickle.UnpicklingError("it sets the state of a function")


Names = Mapping[tuple[str, str], Any]
"""By module and name."""


def builtin_names(**builds: Callable[..., object] | None) -> dict[tuple[str, str], PickleName]:
    """Names of built-in functions and classes; protocols below 3 call their module otherwise."""
    return {
        (module, name): PickleName(name, build)
        for module in ("builtins", "__builtin__")
        for name, build in builds.items()
    }


def _bytes(*arguments: object) -> bytes:
    if arguments:
        raise pickle.UnpicklingError("it calls bytes with arguments")
    return b""


def _encode(text: object, encoding: object = "utf-8") -> bytes:
    # How protocols below 3 write bytes.
    if not isinstance(text, str) or encoding != "latin1":
        raise pickle.UnpicklingError("it encodes something else than bytes")
    return text.encode("latin-1")


def _ordered(pairs: Iterable[tuple[object, object]] = ()) -> dict[object, object]:
    return dict(pairs)


def _with_default(factory: object = None) -> dict[object, object]:
    del factory  # What is absent stays absent.
    return {}


CONTAINER_NAMES: Names = {
    **builtin_names(set=set, frozenset=frozenset, bytes=_bytes),
    # Nothing but the factories of a defaultdict; the last two are Python 2's int and str.
    **builtin_names(dict=None, list=None, int=None, float=None, str=None, tuple=None),
    **builtin_names(long=None, unicode=None),
    ("_codecs", "encode"): PickleName("encode", _encode),
    ("collections", "OrderedDict"): PickleName("OrderedDict", _ordered),
    ("collections", "defaultdict"): PickleName("defaultdict", _with_default),
}
"""Plain containers; lists, tuples, dictionaries, text and numbers need no name. Both kinds of
dictionary become plain ones."""
