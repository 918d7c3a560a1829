"""Gradients by central differences, and the distance of a draw to the nearest kink.

A gradient compared across a kink (ReLU, hinge, hard threshold) is meaningless, so functions under
test call `note_kink` with the distance of each of their arguments to a kink, and a draw for which
`min_kink_distance` is under `KINK_MARGIN` is rejected and redrawn.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from contextvars import ContextVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

KINK_MARGIN = 1e-4
"""Draws closer than this to a kink are rejected; a hundred times the step of the differences."""

_recorded: ContextVar[dict[str, float] | None] = ContextVar("recorded_kinks", default=None)


def note_kink(name: str, distances: npt.ArrayLike) -> None:
    """Records the smallest of `distances` (any shape, empty allowed) under `name`.

    Does nothing outside `kink_distances`, so that it costs nothing while differencing.
    """
    recorded = _recorded.get()
    if recorded is None:
        return
    nearest = float(np.min(np.abs(distances), initial=math.inf))
    recorded[name] = min(nearest, recorded.get(name, math.inf))


def kink_distances(function: Callable[[], object]) -> dict[str, float]:
    """Calls `function` once; the nearest distance to each kind of kink met on the way."""
    recorded: dict[str, float] = {}
    token = _recorded.set(recorded)
    try:
        function()
    finally:
        _recorded.reset(token)
    return recorded


def min_kink_distance(function: Callable[[], object]) -> float:
    """Distance to the nearest kink met while calling `function`; infinite if there is none."""
    return min(kink_distances(function).values(), default=math.inf)


def central_differences(
    function: Callable[[], float],
    arrays: Mapping[str, Array],
    step: float = 1e-6,
    entries: int | None = None,
    seed: int = 0,
) -> dict[str, Array]:
    """Gradient of a scalar function with respect to arrays that it reads.

    Args:
        function: takes no argument and reads `arrays`, whose entries are moved in place, one at a
            time, and put back.
        arrays: writable float64 arrays of any shape, by name.
        step: relative step; an entry x moves by `step · max(1, |x|)` either way.
        entries: at most so many entries of each array, drawn with `seed`, are differenced; the
            others are NaN in the result. `None` is all of them.
        seed: of that draw.

    Returns:
        A float64 gradient of the shape of each array, under its name.

    Raises:
        ValueError: if an array is not float64 or cannot be written.
    """
    rng = np.random.default_rng(seed)
    gradients = {}
    for name, array in arrays.items():
        if array.dtype != np.float64 or not array.flags.writeable:
            raise ValueError(f"`{name}` should be a writable float64 array, not {array.dtype}.")
        indices = np.arange(array.size)
        if entries is not None and entries < array.size:
            indices = rng.choice(array.size, entries, replace=False)
        gradient = np.full(array.size, np.nan)
        for index in indices:
            gradient[index] = _difference(function, array, int(index), step)
        gradients[name] = gradient.reshape(array.shape)
    return gradients


def _difference(function: Callable[[], float], array: Array, index: int, step: float) -> float:
    value = float(array.flat[index])
    move = step * max(1.0, abs(value))
    above, below = value + move, value - move
    try:
        array.flat[index] = above
        upper = float(function())
        array.flat[index] = below
        lower = float(function())
    finally:
        array.flat[index] = value
    # The step actually taken: `value + move` is rounded.
    return (upper - lower) / (above - below)
