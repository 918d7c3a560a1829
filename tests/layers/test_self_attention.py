"""Self-attention among the events of a history."""

from __future__ import annotations

import math

import numpy as np
import pytest

from sesrec_tf.layers.self_attention import SelfAttention
from tests.layers.agreement import assert_agreement
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import attention_weights
from tests.layers.small_case import REC_MASK, D, draw_parameters
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

EVENTS = np.random.default_rng(0).normal(size=(*REC_MASK.shape, D))
WEIGHTS = {
    "projection_kernel": (D, 3 * D),
    "projection_bias": (3 * D,),
    "output_kernel": (D, D),
    "output_bias": (D,),
}


def built(heads: int, dtype: str = "float32", width: int = D) -> SelfAttention:
    layer = SelfAttention(heads, dtype=dtype)
    layer.build((None, 5, width))
    return layer


def test_as_a_layer() -> None:
    inputs = {"events": EVENTS.astype(np.float32), "mask": REC_MASK}
    run_layer_test(SelfAttention(2), ((None, 5, D),), inputs, WEIGHTS)


def test_heads_read_their_own_columns() -> None:
    layer = built(2, "float64", 2)
    layer.projection_kernel.assign(np.tile(np.eye(2), 3))
    layer.output_kernel.assign(np.eye(2))
    found = layer(np.array([[[1.0, 0.0], [0.0, 2.0]]]), np.array([[True, True]]))
    # Head 0 sees x = (1, 0): row 0 has logits (1, 0), context e/(e + 1); row 1 is uniform.
    # Head 1 sees y = (0, 2): row 0 is uniform, row 1 has logits (0, 4), context 2e⁴/(e⁴ + 1).
    sigmoid = [1 / (1 + math.exp(-x)) for x in (1.0, 4.0)]
    np.testing.assert_allclose(found[0], [[sigmoid[0], 1.0], [0.5, 2 * sigmoid[1]]], rtol=1e-12)


def test_padding_is_not_attended_to() -> None:
    layer = built(2)
    noisy = np.where(REC_MASK[..., None], EVENTS, 1e3)
    rows = REC_MASK.any(1)
    found, other = (np.asarray(layer(events, REC_MASK))[rows] for events in (EVENTS, noisy))
    np.testing.assert_allclose(found[REC_MASK[rows]], other[REC_MASK[rows]], rtol=1e-6)


def test_an_empty_history_is_finite() -> None:
    # No context at all: the output bias alone.
    layer = built(3)
    layer.output_bias.assign(np.arange(D))
    found = layer(EVENTS, REC_MASK)
    np.testing.assert_array_equal(found[0], np.tile(np.arange(D, dtype=np.float32), (5, 1)))


def test_heads_must_divide_the_width() -> None:
    with pytest.raises(ValueError, match=r"`heads` should divide the width.*heads=4, width=6"):
        built(4)


def test_torch_initialization_is_uniform_within_its_bound() -> None:
    # √(6 / (4 · 32)) = 0.2165, standard deviation 0.2165/√3 = 0.125.
    layer = SelfAttention(4, "torch")
    layer.build((None, 3, 32))
    kernel = np.asarray(layer.projection_kernel)
    assert 0.21 < np.abs(kernel).max() <= 0.2166
    assert kernel.std() == pytest.approx(0.125, rel=0.05)


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_agrees_with_the_reference(heads: int) -> None:
    block = draw_parameters(np.random.default_rng(heads)).rec_encoder.blocks[0]
    rows = np.flatnonzero(REC_MASK.any(1))
    events, mask = EVENTS[rows].copy(), REC_MASK[rows]
    used = {
        name: array
        for name, array in named_arrays(block).items()
        if name.partition(".")[0] in ("query", "key", "value", "output")
    }
    assert_agreement(
        lambda dtype: built(heads, dtype),
        lambda layer, x: [layer(x["events"], mask)],
        lambda: [
            np.stack(
                [
                    reference.multi_head_attention(*each, block, heads)
                    for each in zip(events, mask, strict=True)
                ]
            )
        ],
        {"events": events},
        used,
        attention_weights,
    )
