"""Co-attention between the histories."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sesrec_tf.layers.co_attention import CoAttention
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import co_attention_weights
from tests.layers.small_case import (
    REC_MASK,
    SEARCH_MASK,
    D,
    draw_parameters,
    draw_states,
    float32,
)
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

MASKS = {"rec_mask": REC_MASK, "search_mask": SEARCH_MASK}
WEIGHTS = {"bilinear": (D, D), "rec_vector": (D,), "search_vector": (D,)}


def built(mask_both_axes: bool = True, dtype: str = "float64", width: int = D) -> CoAttention:
    layer = CoAttention(mask_both_axes, dtype=dtype)
    layer.build((None, None, width))
    return layer


@pytest.mark.parametrize("mask_both_axes", [True, False])
def test_as_a_layer(mask_both_axes: bool) -> None:
    run_layer_test(
        CoAttention(mask_both_axes),
        ((None, None, D),),
        {**float32(draw_states(np.random.default_rng(0))), **MASKS},
        WEIGHTS,
        at_least_float32=True,
    )


def test_by_hand() -> None:
    # d = 1, W_l = 1, w_r = 2, w_s = 3; R states 1 and 2 and a pad of 7, S state 1 and a pad of 4.
    states = np.array([[[1.0], [2.0], [7.0]]]), np.array([[[1.0], [4.0]]])
    masks = np.array([[True, True, False]]), np.array([[True, False]])
    # R scores: 3·1·tanh(1·1) and 3·1·tanh(1·2); the padded S state would add 3·4·tanh(4·…).
    gap = 3 * (math.tanh(2) - math.tanh(1))
    for mask_both_axes, extra in ((True, 0.0), (False, 12 * (math.tanh(8) - math.tanh(4)))):
        layer = built(mask_both_axes, width=1)
        for weight, value in zip(layer.weights, ([[1.0]], [2.0], [3.0]), strict=True):
            weight.assign(value)
        rec, search = layer(*states, *masks)
        second = 1 / (1 + math.exp(-gap - extra))
        np.testing.assert_allclose(rec, [[1 - second, second, 0.0]], rtol=1e-9)
        np.testing.assert_array_equal(search, [[1.0, 0.0]])


def test_uniform_without_a_matrix() -> None:
    layer = built()
    layer.bilinear.assign(np.zeros((D, D)))
    for weights, mask in zip(
        layer(**draw_states(np.random.default_rng(0)), **MASKS), MASKS.values(), strict=True
    ):
        counts = np.maximum(mask.sum(1, keepdims=True), 1)
        np.testing.assert_allclose(weights, mask / counts, rtol=1e-12)


def test_weights_sum_to_one_over_the_valid_events() -> None:
    found = built()(**draw_states(np.random.default_rng(1)), **MASKS)
    for weights, mask in zip(found, MASKS.values(), strict=True):
        weights = np.asarray(weights)
        np.testing.assert_allclose(weights.sum(1), mask.any(1).astype(float), rtol=1e-12)
        assert not weights[~mask].any()


def test_padding_changes_nothing_if_both_axes_are_masked() -> None:
    states = draw_states(np.random.default_rng(2))
    padded = {
        name: np.pad(array, [(0, 0), (0, 2), (0, 0)], constant_values=5.0)
        for name, array in states.items()
    }
    masks = {name: np.pad(mask, [(0, 0), (0, 2)]) for name, mask in MASKS.items()}
    for mask_both_axes in (True, False):
        layer = built(mask_both_axes)
        plain, wide = layer(**states, **MASKS), layer(**padded, **masks)
        gaps = [
            np.abs(np.asarray(a) - np.asarray(b)[:, :-2]).max()
            for a, b in zip(plain, wide, strict=True)
        ]
        assert (max(gaps) < 1e-12) == mask_both_axes


@pytest.mark.parametrize("mask_both_axes", [True, False])
def test_agrees_with_the_reference(mask_both_axes: bool) -> None:
    rng = np.random.default_rng(3)
    parameters, states = draw_parameters(rng).co_attention, draw_states(rng)
    assert_agreement(
        lambda dtype: built(mask_both_axes, dtype),
        lambda layer, x: layer(**x, **MASKS),
        lambda: list(
            reference.co_attention(*states.values(), *MASKS.values(), parameters, mask_both_axes)
        ),
        states,
        named_arrays(parameters),
        co_attention_weights,
    )
