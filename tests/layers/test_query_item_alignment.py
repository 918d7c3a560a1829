"""The alignment losses."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.layers.query_item_alignment import MinimumValue, QueryItemAlignment
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.small_case import SEARCH_MASK, D, draw_parameters
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

CLICK_MASK = (np.arange(3) < np.array([0, 2, 3, 1])[:, None]) & SEARCH_MASK[..., None]
NEGATIVES = 5


def draw_inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "queries": rng.normal(size=(*SEARCH_MASK.shape, D)),
        "clicks": rng.normal(size=(*CLICK_MASK.shape, D)),
        "negative_items": rng.normal(size=(NEGATIVES, D)),
        "negative_queries": rng.normal(size=(NEGATIVES, D)),
    }


def built(dtype: str = "float64", width: int = D, **options: object) -> QueryItemAlignment:
    layer = QueryItemAlignment(dtype=dtype, **options)
    layer.build((None, None, width))
    return layer


def losses(layer: QueryItemAlignment, inputs: dict, click_mask: np.ndarray = CLICK_MASK) -> list:
    found = layer(
        inputs["queries"],
        inputs["clicks"],
        click_mask,
        inputs["negative_items"],
        inputs["negative_queries"],
    )
    return list(found)


def test_as_a_layer() -> None:
    inputs = {
        name: array.astype(np.float32)
        for name, array in draw_inputs(np.random.default_rng(0)).items()
    }
    run_layer_test(
        QueryItemAlignment(0.5, 0.4),
        ((None, None, D),),
        {**inputs, "click_mask": CLICK_MASK},
        {"bilinear": (D, D), "temperature": ()},
        shared=("negative_items", "negative_queries"),
        at_least_float32=True,
    )


@pytest.mark.parametrize(("shared", "backward"), [(True, math.tanh(2.0)), (False, math.tanh(-1.0))])
def test_by_hand(shared: bool, backward: float) -> None:
    # q = (1, 0), i = (0, 1): q W iᵀ = W[0, 1] = 2, and i W qᵀ = W[1, 0] = -1 untransposed.
    # The one negative is 0, so that ℓ = ln(e^{s/τ} + 1) - s/τ = ln(1 + e^{-s/τ}) with τ = 1.
    layer = built(width=2, temperature=1.0, shared_bilinear=shared)
    layer.bilinear.assign([[0.0, 2.0], [-1.0, 0.0]])
    zero = np.zeros((1, 2))
    inputs = {
        "queries": np.array([[[1.0, 0.0]]]),
        "clicks": np.array([[[[0.0, 1.0]]]]),
        "negative_items": zero,
        "negative_queries": zero,
    }
    found = losses(layer, inputs, np.ones((1, 1, 1), bool))
    expected = [math.log(1 + math.exp(-s)) for s in (math.tanh(2.0), backward)]
    np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_zero_vectors_cost_the_logarithm_of_all_candidates() -> None:
    # Spec §1.9.2: one positive and 1024 negatives, all alike: ln 1025 = 6.93245.
    inputs = {
        name: np.zeros(array.shape) for name, array in draw_inputs(np.random.default_rng(0)).items()
    }
    for name in ("negative_items", "negative_queries"):
        inputs[name] = np.zeros((1024, D))
    np.testing.assert_allclose(losses(built(), inputs), math.log(1025), rtol=1e-12)
    # Without the positive below: ln 1024.
    layer = built(positive_in_denominator=False)
    np.testing.assert_allclose(losses(layer, inputs), math.log(1024), rtol=1e-12)


def test_logits_are_bounded_by_the_temperature() -> None:
    # Spec §1.9.8: with τ = 0.1 logits lie within ±10, so ℓ >= ln(1 + 1024 e^{-20}) ≈ 2.1e-6.
    layer = built(width=1)
    layer.bilinear.assign([[100.0]])
    inputs = {
        "queries": np.ones((1, 1, 1)),
        "clicks": np.ones((1, 1, 1, 1)),
        "negative_items": -np.ones((1024, 1)),
        "negative_queries": -np.ones((1024, 1)),
    }
    found = losses(layer, inputs, np.ones((1, 1, 1), bool))
    np.testing.assert_allclose(found, math.log1p(1024 * math.exp(-20)), rtol=1e-6)
    assert float(found[0]) == pytest.approx(2.1e-6, rel=0.01)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_without_pairs_costs_nothing(reduction: str) -> None:
    layer = built(reduction=reduction)
    inputs = draw_inputs(np.random.default_rng(0))
    with tf.GradientTape() as tape:
        found = losses(layer, inputs, np.zeros_like(CLICK_MASK))
        total = tf.add_n(found)
    assert [float(loss) for loss in found] == [0.0, 0.0]
    gradients = tape.gradient(total, [weight.value for weight in layer.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients if gradient is not None)


def test_the_layer_adds_each_loss_with_half_its_weight() -> None:
    layer = built(weight=0.3)
    found = losses(layer, draw_inputs(np.random.default_rng(1)))
    assert layer.term_names == ("alignment_q2i", "alignment_i2q")
    assert layer.term_scale == 0.15
    np.testing.assert_allclose(layer.losses, [0.15 * float(loss) for loss in found], rtol=1e-12)


def test_temperature_is_held_by_a_constraint_and_not_by_a_clip() -> None:
    layer = built("float32", minimum_temperature=0.01)
    assert float(MinimumValue(0.01)(tf.constant(-1.0))) == pytest.approx(0.01)
    assert float(MinimumValue(0.01)(tf.constant(0.5))) == 0.5
    assert float(layer.temperature.constraint(tf.constant(0.0))) == pytest.approx(0.01)
    assert built(minimum_temperature=None).temperature.constraint is None
    # Below the bound there is still a gradient.
    layer.temperature.assign(0.005)
    with tf.GradientTape() as tape:
        total = tf.add_n(losses(layer, draw_inputs(np.random.default_rng(1))))
    assert abs(float(tape.gradient(total, layer.temperature.value))) > 0


@pytest.mark.parametrize(
    ("shared", "below", "reduction"),
    list(itertools.product([True, False], [True, False], ["mean", "sum"])),
)
def test_agrees_with_the_reference(shared: bool, below: bool, reduction: str) -> None:
    rng = np.random.default_rng(7)
    alignment, inputs = draw_parameters(rng).alignment, draw_inputs(rng)
    options = {
        "shared_bilinear": shared,
        "positive_in_denominator": below,
        "reduction": reduction,
    }

    def expected() -> list[np.ndarray]:
        found = reference.alignment_losses(
            inputs["queries"],
            inputs["clicks"],
            CLICK_MASK,
            inputs["negative_items"],
            inputs["negative_queries"],
            alignment,
            **options,
        )
        return [np.array(found.query_to_item), np.array(found.item_to_query)]

    assert_agreement(
        lambda dtype: built(dtype, **options),
        losses,
        expected,
        inputs,
        named_arrays(alignment),
        dict,
    )


@pytest.mark.parametrize("shared_bilinear", [True, False])
def test_distinct_vectors_and_their_places_are_the_same_pairs(shared_bilinear: bool) -> None:
    inputs = draw_inputs(np.random.default_rng(5))
    layer = built(shared_bilinear=shared_bilinear)
    random = np.random.default_rng(6)
    query_places = random.integers(0, 4, SEARCH_MASK.shape)
    click_places = random.integers(0, 3, CLICK_MASK.shape)
    distinct = {"queries": random.normal(size=(4, D)), "clicks": random.normal(size=(3, D))}
    spread = {
        "queries": distinct["queries"][query_places],
        "clicks": distinct["clicks"][click_places],
    }
    negatives = [inputs["negative_items"], inputs["negative_queries"]]
    found = []
    for vectors, places in (
        (distinct, {"query_places": query_places, "click_places": click_places}),
        (spread, {}),
    ):
        pair = [tf.constant(vectors[name]) for name in ("queries", "clicks")]
        with tf.GradientTape() as tape:
            total = sum(
                layer(
                    *pair, CLICK_MASK, *negatives, **{k: tf.constant(v) for k, v in places.items()}
                )
            )
        found.append([total, *tape.gradient(total, [w.value for w in layer.trainable_weights])])
    for each, other in zip(*found, strict=True):
        np.testing.assert_allclose(each, other, rtol=1e-10)
