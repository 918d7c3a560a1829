"""The dense layer of one product."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.layers.flat_dense import FlatDense, affine
from tests.layers.layer_test import run_layer_test


@pytest.mark.parametrize("shape", [(6, 3), (6, 4, 3), (6, 2, 4, 3)])
def test_as_a_layer(shape: tuple[int, ...]) -> None:
    inputs = {"inputs": np.random.default_rng(0).normal(size=shape).astype(np.float32)}
    weights = {"kernel": (3, 5), "bias": (5,)}
    run_layer_test(FlatDense(5), ((None, *shape[1:]),), inputs, weights)


def test_by_hand() -> None:
    found = affine(tf.constant([[[1.0, 2.0]]]), tf.constant([[1.0], [10.0]]), tf.constant([0.5]))
    np.testing.assert_array_equal(found, [[[21.5]]])


def test_equals_keras() -> None:
    inputs = np.random.default_rng(0).normal(size=(2, 4, 3)).astype(np.float32)
    ours, theirs = FlatDense(5), keras.layers.Dense(5)
    for layer in (ours, theirs):
        layer.build((None, 4, 3))
    theirs.set_weights([np.random.default_rng(1).normal(size=w.shape) for w in ours.weights])
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-6, atol=1e-6)


def test_lengths_unknown_until_it_runs() -> None:
    mapped = tf.function(
        lambda inputs: affine(inputs, tf.ones([3, 2]), tf.zeros([2])),
        input_signature=[tf.TensorSpec([None, None, 3])],
    )
    np.testing.assert_array_equal(mapped(tf.ones([2, 5, 3])), np.full((2, 5, 2), 3.0))


@pytest.mark.parametrize("options", [{"activation": "relu"}, {"use_bias": False}])
def test_what_it_would_ignore_is_refused(options: dict) -> None:
    with pytest.raises(ValueError, match=r"should have a bias and no activation. Received"):
        FlatDense(2, **options).build((None, 3))
