"""One post-norm block."""

from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.layers.transformer_block import TransformerBlock
from tests.layers.agreement import assert_agreement, smooth_draw
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import block_weights, under
from tests.layers.small_case import REC_MASK, D, draw_parameters
from tests.layers.test_self_attention import WEIGHTS as ATTENTION_WEIGHTS
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

SEED = np.array([1, 2], np.int32)
WEIGHTS = {
    **under("attention", ATTENTION_WEIGHTS),
    **{
        f"{norm}/{name}": (D,)
        for norm in ("attention_norm", "feed_forward_norm")
        for name in ("gamma", "beta")
    },
    **{f"{dense}/kernel": (D, D) for dense in ("inner", "outer")},
    **{f"{dense}/bias": (D,) for dense in ("inner", "outer")},
}


def built(dtype: str = "float64", width: int = D, heads: int = 2) -> TransformerBlock:
    layer = TransformerBlock(heads, 0.5, dtype=dtype)
    layer.build((None, 5, width))
    return layer


@pytest.mark.parametrize("training", [False, True])
def test_as_a_layer(training: bool) -> None:
    events = np.random.default_rng(0).normal(size=(*REC_MASK.shape, D)).astype(np.float32)
    run_layer_test(
        TransformerBlock(2, 0.2),
        ((None, 5, D),),
        {"events": events, "mask": REC_MASK, "seed": SEED},
        WEIGHTS,
        shared=("seed",),
        options={"training": training},
    )


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")
@pytest.mark.parametrize(("bias", "first"), [(0.0, -1.0), (2.5, -1.0), (4.0, 1.0)])
def test_post_norm_and_leaky_relu_by_hand(bias: float, first: float) -> None:
    # Attention gives 0, so F = LN(1, 3) = (-1, 1). LeakyReLU(-1) = -0.01, times 100 is -1, so
    # the first component becomes -2 + bias and H = LN(-2 + bias, 1) = ±(-1, 1), turned round by
    # a bias over 3; without the leak it would be by one over 2, before the norm by one over 4.
    layer = built(width=2)
    layer.attention.output_kernel.assign(np.zeros((2, 2)))
    layer.inner.kernel.assign(np.eye(2))
    layer.outer.kernel.assign([[100.0, 0.0], [0.0, 0.0]])
    layer.outer.bias.assign([bias, 0.0])
    found = layer(np.array([[[1.0, 3.0]]]), np.array([[True]]))
    np.testing.assert_allclose(found, [[[first, -first]]], rtol=1e-7)


def test_normalisation_of_almost_flat_rows() -> None:
    # Variance 1e-8 is ε itself: ±1e-4 / √(2e-8) = ±1/√2 after the first normalisation.
    layer = built(width=2)
    for kernel in (layer.attention.output_kernel, layer.outer.kernel):
        kernel.assign(np.zeros((2, 2)))
    found = layer.attention_norm(np.array([[[1 - 1e-4, 1 + 1e-4]]]))
    np.testing.assert_allclose(found, [[[-(0.5**0.5), 0.5**0.5]]], rtol=1e-6)


def test_dropout_acts_on_both_sublayers() -> None:
    layer = built("float32")
    events = np.random.default_rng(0).normal(size=(*REC_MASK.shape, D))
    plain = np.asarray(layer(events, REC_MASK))
    dropped = np.asarray(layer(events, REC_MASK, training=True, seed=SEED))
    np.testing.assert_array_equal(layer(events, REC_MASK, training=True, seed=SEED), dropped)
    assert (plain != dropped).any(-1)[REC_MASK].all()
    layer.attention_dropout.rate = 0.0
    second = np.asarray(layer(events, REC_MASK, training=True, seed=SEED))
    layer.feed_forward_dropout.rate = 0.0
    np.testing.assert_array_equal(layer(events, REC_MASK, training=True, seed=SEED), plain)
    assert (second != dropped).any()
    assert (second != plain).any()


@pytest.mark.parametrize("heads", [1, 2])
def test_agrees_with_the_reference(heads: int) -> None:
    mask = REC_MASK[REC_MASK.any(1)]

    def draw(rng: np.random.Generator) -> tuple:
        return draw_parameters(rng).rec_encoder.blocks[0], rng.normal(size=(*mask.shape, D))

    block, events = smooth_draw(
        draw, lambda each: reference.transformer_block(each[1], mask, each[0], heads)
    )
    assert_agreement(
        lambda dtype: built(dtype, heads=heads),
        lambda layer, x: [layer(x["events"], mask)],
        lambda: [reference.transformer_block(events, mask, block, heads)],
        {"events": events},
        named_arrays(block),
        block_weights,
    )
