"""Agreement of a layer with the NumPy reference, in outputs and in gradients."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import keras
import numpy as np
import tensorflow as tf

from tests.layers.layer_test import path_of
from tests.reference.central_differences import (
    KINK_MARGIN,
    central_differences,
    min_kink_distance,
)

Array = np.ndarray
Arrays = Mapping[str, Array]
Draw = TypeVar("Draw")

TOLERANCE = 1e-5
"""Largest difference, relative to max(1, |expected|)."""


def smooth_draw(
    make: Callable[[np.random.Generator], Draw],
    function: Callable[[Draw], object],
    seed: int = 0,
    attempts: int = 100,
) -> Draw:
    """The first draw at which `function` meets no kink within `KINK_MARGIN`."""
    for attempt in range(attempts):
        draw = make(np.random.default_rng([seed, attempt]))
        if _distance(function, draw) >= KINK_MARGIN:
            return draw
    raise AssertionError(f"none of {attempts} draws is far enough from every kink")


def _distance(function: Callable[[Draw], object], draw: Draw) -> float:
    return min_kink_distance(lambda: function(draw))


def assert_near(found: Any, expected: Any, what: str) -> None:
    """Compares where `expected` is not NaN."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected)
    assert found.shape == expected.shape, what
    error = np.abs(found - expected) / np.maximum(1, np.abs(expected))
    worst = float(np.max(error[~np.isnan(expected)], initial=0.0))
    assert worst <= TOLERANCE, f"{what} differs by {worst:.2e}"


def assert_agreement(
    make: Callable[[str], keras.layers.Layer],
    call: Callable[[Any, dict[str, Any]], Sequence[Any]],
    reference: Callable[[], Sequence[Array]],
    inputs: Arrays,
    parameters: Arrays,
    pack: Callable[[Arrays], dict[str, Array]],
    entries: int = 8,
) -> None:
    """Outputs in float64 and float32, and gradients in float64, equal those of the reference.

    The gradients are those of a random linear function of all float outputs.

    Args:
        make: the built layer under a dtype policy.
        call: outputs of the layer for the float inputs, given as tensors by name.
        reference: the same outputs, of `inputs` and `parameters`, which it reads in place.
        inputs, parameters: float64 arrays.
        pack: arrays named as the parameters to arrays by weight path; only moves entries about,
            so that it turns gradients of the one into those of the other.
        entries: entries of each array that are probed.
    """
    expected = [np.asarray(value) for value in reference()]
    for dtype in ("float32", "float64"):
        layer = make(dtype)
        load(layer, pack(parameters))
        found = call(layer, {name: tf.constant(array, dtype) for name, array in inputs.items()})
        for number, (value, other) in enumerate(zip(found, expected, strict=True)):
            if other.dtype == bool:
                np.testing.assert_array_equal(value, other)
            else:
                assert value.dtype == dtype
                assert_near(value, other, f"{dtype} output {number}")
    directions = [_direction(number, value.shape) for number, value in enumerate(expected)]
    numeric = central_differences(
        lambda: _combine(reference(), directions), {**inputs, **parameters}, entries=entries
    )
    by_weight = pack({name: numeric[name] for name in parameters})
    found_inputs, found_weights = _gradients(layer, call, inputs, directions)
    for name, gradient in found_inputs.items():
        assert_near(gradient, numeric[name], f"gradient of input {name}")
    assert set(by_weight) == set(found_weights)
    for path, gradient in found_weights.items():
        assert_near(gradient, by_weight[path], f"gradient of weight {path}")


def load(layer: Any, values: dict[str, Array]) -> None:
    """Assigns every trainable weight by its path below the layer."""
    weights = {path_of(weight): weight for weight in layer.trainable_variables}
    assert set(weights) == set(values)
    for path, weight in weights.items():
        weight.assign(values[path])


def _direction(number: int, shape: tuple[int, ...]) -> Array:
    return np.random.default_rng(number).normal(size=shape)


def _combine(values: Sequence[Array], directions: Sequence[Array]) -> float:
    pairs = zip(values, directions, strict=True)
    return float(
        sum((value * other).sum() for value, other in pairs if np.asarray(value).dtype != bool)
    )


def _gradients(
    layer: Any,
    call: Callable[[Any, dict[str, Any]], Sequence[Any]],
    inputs: Arrays,
    directions: Sequence[Array],
) -> tuple[dict[str, Array], dict[str, Array]]:
    tensors = {name: tf.constant(array) for name, array in inputs.items()}
    variables = {path_of(weight): weight.value for weight in layer.trainable_variables}
    with tf.GradientTape() as tape:
        tape.watch(tensors)
        outputs = call(layer, tensors)
        scalar = tf.add_n(
            [
                tf.reduce_sum(value * direction)
                for value, direction in zip(outputs, directions, strict=True)
                if value.dtype.is_floating
            ]
        )
    found = tape.gradient(scalar, (tensors, variables), unconnected_gradients="zero")
    return tuple(
        {name: np.asarray(tf.convert_to_tensor(g)) for name, g in d.items()} for d in found
    )
