"""Candidate-aware pooling."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sesrec_tf.layers.multi_interest import MultiInterest
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.small_case import REC_MASK, D
from tests.reference import sesrec_numpy as reference

RNG = np.random.default_rng(0)
STATES = RNG.normal(size=(*REC_MASK.shape, D))
CANDIDATES = RNG.normal(size=(len(REC_MASK), 3, D))
SIMILAR = REC_MASK & (np.arange(5) % 2 == 0)
MASKS = np.stack([REC_MASK, SIMILAR, REC_MASK & ~SIMILAR], 1)


def built(dtype: str = "float64", width: int = D, scheme: str = "glorot_normal") -> MultiInterest:
    layer = MultiInterest(scheme, dtype=dtype)
    layer.build((None, None, width))
    return layer


def test_as_a_layer() -> None:
    inputs = {
        "states": STATES.astype(np.float32),
        "candidates": CANDIDATES.astype(np.float32),
        "masks": MASKS,
    }
    run_layer_test(MultiInterest("torch"), ((None, None, D),), inputs, {"bilinear": (D, D)})


def test_by_hand() -> None:
    # h = 0, ln 3 with W_d e_v = 2 · 1/2: weights 1/4 and 3/4.
    layer = built(width=1)
    layer.bilinear.assign([[2.0]])
    states = np.array([[[0.0], [math.log(3)], [9.0]]])
    masks = np.array([[[True, True, False], [True, False, False], [False] * 3]])
    candidates = np.array([[[0.5]]])
    weights = layer.weights_of(states, candidates, masks)
    np.testing.assert_allclose(
        weights, [[[[0.25, 0.75, 0], [1, 0, 0], [0, 0, 0]]]], rtol=1e-9, atol=1e-12
    )
    found = layer(states, candidates, masks)
    np.testing.assert_allclose(found, [[[0.75 * math.log(3), 0, 0]]], rtol=1e-9)


def test_the_matrix_is_history_by_candidate() -> None:
    # h = (1, 0) or (0, 0), W_d[0, 1] = ln 3, e_v = (0, 1): logits ln 3 and 0.
    layer = built(width=2)
    layer.bilinear.assign([[0.0, math.log(3)], [0.0, 0.0]])
    states = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    weights = layer.weights_of(states, np.array([[[0.0, 1.0]]]), np.ones((1, 1, 2), bool))
    np.testing.assert_allclose(weights, [[[[0.75, 0.25]]]], rtol=1e-9)


def test_without_a_matrix_the_three_interests_are_plain_means() -> None:
    # Spec §1.9.5.
    layer = built()
    layer.bilinear.assign(np.zeros((D, D)))
    found = np.asarray(layer(STATES, CANDIDATES, MASKS))
    rows = STATES[4]
    expected = np.concatenate([rows.mean(0), rows[[0, 2, 4]].mean(0), rows[[1, 3]].mean(0)])
    np.testing.assert_allclose(found[4], np.tile(expected, (3, 1)), rtol=1e-10)
    assert not found[0].any()


def test_candidates_do_not_see_each_other() -> None:
    layer = built()
    found = np.asarray(layer(STATES, CANDIDATES, MASKS))
    order = [2, 0, 1]
    permuted = np.asarray(layer(STATES, CANDIDATES[:, order], MASKS))
    np.testing.assert_allclose(permuted, found[:, order], rtol=1e-12)
    alone = np.asarray(layer(STATES, CANDIDATES[:, :1], MASKS))
    np.testing.assert_allclose(alone, found[:, :1], rtol=1e-12)


def test_torch_initialization() -> None:
    # Spec §1.7: √(2 / (32² + 32)) = 0.0435 instead of √(2 / 64) = 0.177.
    for scheme, expected in (("torch", 0.0435), ("glorot_normal", 0.177)):
        kernel = np.asarray(built(width=32, scheme=scheme).bilinear)
        assert kernel.std() == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize("number", [1, 3])
def test_agrees_with_the_reference(number: int) -> None:
    inputs = {"states": STATES.copy(), "candidates": CANDIDATES.copy()}
    bilinear = np.random.default_rng(1).normal(size=(D, D)) / math.sqrt(D)
    masks = MASKS[:, :number]

    def expected() -> list[np.ndarray]:
        found = reference.multi_interest(
            inputs["states"],
            *MASKS.transpose(1, 0, 2),
            bilinear,
            inputs["candidates"],
            number == 3,
        )
        return [found]

    assert_agreement(
        built,
        lambda layer, x: [layer(x["states"], x["candidates"], masks)],
        expected,
        inputs,
        {"bilinear": bilinear},
        dict,
        entries=20,
    )
