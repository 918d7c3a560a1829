"""Running a function where TensorFlow has not chosen its devices yet."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

Result = TypeVar("Result")


def in_new_process(function: Callable[..., Result], *arguments: object) -> Result:
    """What a function of a module, by name, returns or raises in a process of its own."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result(timeout=300)
