"""The prediction MLP."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from sesrec_tf.layers.prediction import Prediction
from tests.layers.agreement import assert_agreement, smooth_draw
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import prediction_weights
from tests.layers.small_case import USER_D, D, draw_parameters
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

SEED = np.array([1, 2], np.int32)
WIDTH = 7 * D


def draw_inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "interests": rng.normal(size=(4, 3, WIDTH)),
        "user": rng.normal(size=(4, USER_D)),
    }


def built(
    dtype: str = "float64",
    units: tuple[int, ...] = (7, 5),
    width: int = WIDTH,
    user: int = USER_D,
    dropout: float = 0.0,
) -> Prediction:
    layer = Prediction(units, dropout, dtype=dtype)
    layer.build((None, None, width), (None, user))
    return layer


@pytest.mark.parametrize("training", [False, True])
def test_as_a_layer(training: bool) -> None:
    inputs = draw_inputs(np.random.default_rng(0))
    run_layer_test(
        Prediction((7, 5), 0.2),
        ((None, None, WIDTH), (None, USER_D)),
        {**{name: array.astype(np.float32) for name, array in inputs.items()}, "seed": SEED},
        {
            "kernel_0": (WIDTH + USER_D, 7),
            "bias_0": (7,),
            "kernel_1": (7, 5),
            "bias_1": (5,),
            "kernel_2": (5, 1),
            "bias_2": (1,),
        },
        shared=("seed",),
        options={"training": training},
        at_least_float32=True,
    )


def test_by_hand() -> None:
    layer = built(units=(2,), width=3, user=1)
    values = [np.array([[1.0, -1.0]] * 4), [0.0, 1.0], [[2.0], [5.0]], [0.5]]
    for weight, value in zip(
        (layer.kernels[0], layer.biases[0], layer.kernels[1], layer.biases[1]), values, strict=True
    ):
        weight.assign(value)
    # The inputs 1, 2, 3, 4 sum to 10: ReLU(10, -9) = (10, 0), logit 20.5.
    found = layer(np.array([[[1.0, 2.0, 3.0]]]), np.array([[4.0]]))
    np.testing.assert_array_equal(found, [[20.5]])


def test_interests_come_before_the_user() -> None:
    layer = built(units=(), width=3, user=1)
    layer.kernels[0].assign([[1.0], [10.0], [100.0], [1000.0]])
    found = layer(np.array([[[1.0, 2.0, 3.0]]]), np.array([[4.0]]))
    np.testing.assert_array_equal(found, [[4321.0]])


def test_dropout_acts_after_every_hidden_layer() -> None:
    # With other weights a score may be 0 either way.
    keras.utils.set_random_seed(3)
    layer = built("float32", dropout=0.5)
    inputs = draw_inputs(np.random.default_rng(0))
    plain = np.asarray(layer(**inputs))
    dropped = np.asarray(layer(**inputs, training=True, seed=SEED))
    np.testing.assert_array_equal(layer(**inputs, training=True, seed=SEED), dropped)
    assert (plain != dropped).mean() > 0.5
    layer.dropouts[0].rate = 0.0
    later = np.asarray(layer(**inputs, training=True, seed=SEED))
    assert (later != dropped).any()
    assert (later != plain).any()


def test_candidates_are_scored_apart() -> None:
    layer = built()
    inputs = draw_inputs(np.random.default_rng(0))
    found = np.asarray(layer(**inputs))
    order = [2, 0, 1]
    permuted = layer(inputs["interests"][:, order], inputs["user"])
    np.testing.assert_allclose(permuted, found[:, order], rtol=1e-12)


def test_agrees_with_the_reference() -> None:
    def draw(rng: np.random.Generator) -> tuple:
        return draw_parameters(rng).prediction, draw_inputs(rng)

    def expected(layers: tuple, inputs: dict[str, np.ndarray]) -> np.ndarray:
        parts = np.split(inputs["interests"], [3 * D, 6 * D], -1)
        return reference.predict(*parts, inputs["user"], layers)

    layers, inputs = smooth_draw(draw, lambda each: expected(*each))
    assert_agreement(
        built,
        lambda layer, x: [layer(x["interests"], x["user"])],
        lambda: [expected(layers, inputs)],
        inputs,
        named_arrays(layers),
        prediction_weights,
        entries=20,
    )
