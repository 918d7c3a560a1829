"""The contrast of interests."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.layers.interest_contrast import InterestContrast
from tests.layers.agreement import assert_agreement, smooth_draw
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import co_attention_weights, under
from tests.layers.small_case import (
    OPTIONS,
    REC_MASK,
    SEARCH_MASK,
    D,
    draw_parameters,
    draw_states,
    float32,
)
from tests.layers.test_co_attention import MASKS, WEIGHTS
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays


def built(dtype: str = "float64", width: int = D, **options: object) -> InterestContrast:
    layer = InterestContrast(**{"weight": 1.0, "dtype": dtype, **options})
    layer.build((None, None, width))
    return layer


def contrast(layer: InterestContrast, rec: int, search: int) -> list[float]:
    """Losses of one instance with so many events."""
    states = np.random.default_rng(0).normal(size=(2, 1, 4, D))
    masks = [np.arange(4)[None] < n for n in (rec, search)]
    layer(*states, *masks, training=True)
    return [float(loss) for loss in layer.losses]


@pytest.mark.parametrize("threshold", ["mean", 0.125])
def test_as_a_layer(threshold: str | float) -> None:
    run_layer_test(
        InterestContrast(0.5, 1.0, threshold, True, False),
        ((None, None, D),),
        {**float32(draw_states(np.random.default_rng(0))), **MASKS},
        under("co_attention", WEIGHTS),
        options={"training": True},
        at_least_float32=True,
    )


def test_triplet_by_hand() -> None:
    # d = 1 and W_l, w_s, w_r so that the R weights are 3/4 and 1/4: S state 1, R states 1 and 5.
    # w_s (tanh(W) - tanh(5 W)) = ln 3 gives 3 : 1. Anchor 3/4·1 + 1/4·5 = 2, positive 1,
    # negative 5: max(1 - 3 + 2.5, 0) = 0.5. The S side has one event: the margin, 2.5.
    layer = built(width=1, margin=2.5)
    search_vector = np.log(3) / (np.tanh(0.1) - np.tanh(0.5))
    for weight, value in zip(layer.weights, ([[0.1]], [1.0], [search_vector]), strict=True):
        weight.assign(value)
    rec, search = layer(
        np.array([[[1.0], [5.0]]]),
        np.array([[[1.0], [0.0]]]),
        np.array([[True, True]]),
        np.array([[True, False]]),
        training=True,
    )
    np.testing.assert_allclose(rec.weights, [[0.75, 0.25]], rtol=1e-9)
    np.testing.assert_array_equal(rec.similar, [[True, False]])
    np.testing.assert_array_equal(rec.dissimilar, [[False, True]])
    np.testing.assert_array_equal(search.dissimilar, [[True, False]])
    np.testing.assert_allclose(layer.losses, [0.5, 2.5], atol=1e-5)


def test_single_events_and_uniform_weights_cost_the_margin_on_each_side() -> None:
    # Spec §1.9.3: anchor = P = N, or both sets are the whole history; L_con = 2m = 0.2.
    assert contrast(built(), 1, 1) == pytest.approx([0.1, 0.1], rel=1e-12)
    layer = built()
    layer.co_attention.bilinear.assign(np.zeros((D, D)))
    assert contrast(layer, 3, 4) == pytest.approx([0.1, 0.1], rel=1e-12)


@pytest.mark.parametrize(("rec", "search"), [(0, 0), (0, 3), (3, 0)])
def test_an_instance_without_either_history_costs_nothing(rec: int, search: int) -> None:
    assert contrast(built(), rec, search) == [0.0, 0.0]


def test_losses_are_added_in_training_only_and_with_their_weight() -> None:
    states = draw_states(np.random.default_rng(1))
    for weight, training, count in ((0.0, True, 0), (1.0, False, 0), (1.0, True, 2)):
        layer = built(weight=weight)
        layer(**states, **MASKS, training=training)
        assert len(layer.losses) == count
    half = built(weight=0.5)
    half.set_weights(layer.get_weights())
    half(**states, **MASKS, training=True)
    np.testing.assert_allclose(half.losses, [0.5 * float(x) for x in layer.losses], rtol=1e-12)
    assert half.term_names == ("contrast_rec", "contrast_search")
    assert half.term_scale == 0.5


def test_equal_sets_give_a_finite_gradient() -> None:
    # At n = 1 both distances are those of equal points, where a plain root has no derivative.
    layer = built()
    states = tf.constant(np.random.default_rng(0).normal(size=(1, 4, D)))
    one = np.array([[True, False, False, False]])
    with tf.GradientTape() as tape:
        tape.watch(states)
        layer(states, states, one, one, training=True)
        total = tf.add_n(layer.losses)
    np.testing.assert_allclose(tape.gradient(total, states), 0, atol=1e-12)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"threshold": "median"},
        {"threshold": 1 / 8, "threshold_strict": True},
        {"threshold": 1 / 16, "mask_both_axes": False},
        {"threshold": "median", "threshold_strict": True, "mask_both_axes": False},
    ],
    ids=str,
)
def test_agrees_with_the_reference(changes: dict) -> None:
    # A margin of 1 keeps most hinges open.
    options = replace(OPTIONS, margin=1.0, **changes)

    def expected(draw: tuple) -> list[np.ndarray]:
        parameters, states = draw
        found = reference.interest_contrast(
            *states.values(), REC_MASK, SEARCH_MASK, parameters, options
        )
        return [
            found.rec_weights,
            found.rec_positive,
            found.rec_negative,
            found.search_weights,
            found.search_positive,
            found.search_negative,
            np.array(found.rec_loss),
            np.array(found.search_loss),
        ]

    def found(layer: InterestContrast, inputs: dict) -> list:
        rec, search = layer(**inputs, **MASKS, training=True)
        return [*rec, *search, *layer.losses]

    draw = smooth_draw(lambda rng: (draw_parameters(rng).co_attention, draw_states(rng)), expected)
    assert_agreement(
        lambda dtype: built(
            dtype,
            margin=1.0,
            threshold=options.threshold,
            strict=options.threshold_strict,
            mask_both_axes=options.mask_both_axes,
        ),
        found,
        lambda: expected(draw),
        draw[1],
        named_arrays(draw[0]),
        lambda arrays: under("co_attention", co_attention_weights(arrays)),
        entries=12,
    )
