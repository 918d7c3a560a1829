"""One test for every layer: configuration, saving, shapes, dtypes and a training step."""

from __future__ import annotations

import json
import tempfile
import warnings
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

POLICIES = ("float32", "mixed_bfloat16", "mixed_float16", "float64")
HALF_PRECISION_TOLERANCE = 0.15


def run_layer_test(
    layer: keras.layers.Layer,
    build: tuple[Any, ...],
    inputs: Mapping[str, np.ndarray],
    weights: Mapping[str, tuple[int, ...]],
    *,
    shared: Collection[str] = (),
    options: Mapping[str, Any] | None = None,
    idle: Collection[str] = (),
    at_least_float32: bool = False,
) -> None:
    """Checks what every layer owes its users.

    Args:
        layer: not built.
        build: the arguments of `build`.
        inputs: the tensors of a call, by argument; floats as float32.
        weights: shape of every weight, trainable or not, by its path below the layer.
        shared: inputs whose first axis is not the batch.
        options: the other arguments of a call.
        idle: trainable weights that a step on all outputs and losses leaves where they are.
        at_least_float32: whether float outputs are float32 even under a half precision policy.
    """
    options = dict(options or {})
    _check_configuration(layer)
    layer.build(*build)
    assert {path_of(weight): tuple(weight.shape) for weight in layer.weights} == dict(weights)
    randomize(layer)
    with warnings.catch_warnings():
        # Keras takes an argument by the name of `mask` for its own, which layers do not hand on.
        warnings.filterwarnings("ignore", ".*passed an input with a mask attached")
        _check_saving(layer, inputs, shared, options)
        _check_policies(layer, build, inputs, options, at_least_float32)
        _check_training_step(layer, inputs, options, idle)


def path_of(variable: Any) -> str:
    """Path of a weight below the layer it belongs to."""
    return variable.path.partition("/")[2]


def randomize(layer: keras.layers.Layer, seed: int = 0) -> None:
    """Adds noise to every trainable weight, so that none is zero or one by default."""
    rng = np.random.default_rng(seed)
    for variable in layer.trainable_variables:
        noise = rng.normal(0, 0.1, variable.shape)
        variable.assign(keras.ops.convert_to_numpy(variable) + noise)


def call(layer: keras.layers.Layer, inputs: Mapping[str, Any], options: Any) -> list[Any]:
    """The outputs, in one flat list."""
    return keras.tree.flatten(layer(**inputs, **options))


def _check_configuration(layer: keras.layers.Layer) -> None:
    config = layer.get_config()
    copy = type(layer).from_config(json.loads(json.dumps(config)))
    assert copy.get_config() == config
    serialized = keras.saving.serialize_keras_object(layer)
    # The registered name alone finds the class: no custom objects are given.
    revived = keras.saving.deserialize_keras_object(serialized)
    assert type(revived) is type(layer)
    assert revived.get_config() == config


def _check_saving(
    layer: keras.layers.Layer,
    inputs: Mapping[str, np.ndarray],
    shared: Collection[str],
    options: dict[str, Any],
) -> None:
    """Symbolic shapes and dtypes are the eager ones; a saved model gives the same values."""
    symbols = {
        name: keras.Input(
            batch_shape=array.shape if name in shared else (None, *array.shape[1:]),
            dtype=array.dtype.name,
            name=name,
        )
        for name, array in inputs.items()
    }
    symbolic = call(layer, symbols, options)
    eager = call(layer, inputs, options)
    assert len(symbolic) == len(eager)
    for symbol, value in zip(symbolic, eager, strict=True):
        assert symbol.dtype == keras.backend.standardize_dtype(value.dtype)
        assert len(symbol.shape) == len(value.shape)
        for expected, found in zip(symbol.shape, value.shape, strict=True):
            assert expected in (None, found)
    model = keras.Model(symbols, symbolic)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "layer.keras"
        model.save(path)
        loaded = keras.saving.load_model(path)
    for before, after in zip(layer.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(before, after)
    again = keras.tree.flatten(loaded({name: tf.constant(array) for name, array in inputs.items()}))
    for value, other in zip(eager, again, strict=True):
        np.testing.assert_array_equal(value, other)


def _check_policies(
    layer: keras.layers.Layer,
    build: tuple[Any, ...],
    inputs: Mapping[str, np.ndarray],
    options: dict[str, Any],
    at_least_float32: bool,
) -> None:
    expected = call(layer, inputs, options)
    for policy in POLICIES:
        copy = type(layer).from_config({**layer.get_config(), "dtype": policy})
        copy.build(*build)
        copy.set_weights(layer.get_weights())
        variable_dtype = "float64" if policy == "float64" else "float32"
        assert {weight.dtype for weight in copy.trainable_variables} <= {variable_dtype}
        dtype = variable_dtype if at_least_float32 else copy.compute_dtype
        wide = {
            name: array.astype(variable_dtype) if array.dtype.kind == "f" else array
            for name, array in inputs.items()
        }
        for value, reference in zip(call(copy, wide, options), expected, strict=True):
            assert value.shape == reference.shape
            if not tf.as_dtype(value.dtype).is_floating:
                continue
            assert keras.backend.standardize_dtype(value.dtype) == dtype
            tolerance = HALF_PRECISION_TOLERANCE if "mixed" in policy else 1e-5
            difference = np.abs(np.asarray(value, np.float64) - np.asarray(reference))
            assert (difference <= tolerance * np.maximum(1, np.abs(reference))).all(), policy


def _check_training_step(
    layer: keras.layers.Layer,
    inputs: Mapping[str, np.ndarray],
    options: dict[str, Any],
    idle: Collection[str],
) -> None:
    optimizer = keras.optimizers.SGD(0.1)
    optimizer.build(layer.trainable_variables)

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            outputs = call(layer, inputs, options)
            losses = [
                tf.reduce_mean(tf.cast(value, tf.float32) ** 2)
                for value in outputs
                if value.dtype.is_floating
            ]
            loss = tf.add_n([*losses, *layer.losses])
        gradients = tape.gradient(loss, [weight.value for weight in layer.trainable_variables])
        pairs = zip(gradients, layer.trainable_variables, strict=True)
        optimizer.apply_gradients([pair for pair in pairs if pair[0] is not None])
        return loss

    if not layer.trainable_variables:
        return
    before = {path_of(weight): np.array(weight) for weight in layer.weights}
    assert np.isfinite(step())
    moved = {
        path_of(weight)
        for weight in layer.weights
        if not np.array_equal(before[path_of(weight)], weight)
    }
    assert moved == {path_of(weight) for weight in layer.trainable_variables} - set(idle)
