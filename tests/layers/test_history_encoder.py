"""Positions and blocks over a history."""

from __future__ import annotations

import numpy as np
import pytest

from sesrec_tf.layers.history_encoder import HistoryEncoder
from tests.layers.agreement import assert_agreement, smooth_draw
from tests.layers.layer_test import run_layer_test
from tests.layers.reference_weights import encoder_weights, under
from tests.layers.small_case import REC_MASK, D, draw_parameters
from tests.layers.test_transformer_block import WEIGHTS as BLOCK_WEIGHTS
from tests.reference import sesrec_numpy as reference
from tests.reference.parameters import named_arrays

EVENTS = np.random.default_rng(0).normal(size=(*REC_MASK.shape, D))


def built(blocks: int = 1, dtype: str = "float64", length: int = 5) -> HistoryEncoder:
    layer = HistoryEncoder(2, blocks, 0.0, dtype=dtype, position_initialization=1.0)
    layer.build((None, length, D))
    return layer


def test_as_a_layer() -> None:
    layer = HistoryEncoder(2, 2, 0.1, "torch", 0.5)
    weights = {"positions": (5, D), **under("block_0", BLOCK_WEIGHTS)}
    weights |= under("block_1", BLOCK_WEIGHTS)
    inputs = {"events": EVENTS.astype(np.float32), "mask": REC_MASK}
    run_layer_test(layer, ((None, 5, D),), inputs, weights)


def test_a_history_without_events_is_all_zeros() -> None:
    found = np.asarray(built()(EVENTS, REC_MASK))
    assert not found[:2].any()
    assert np.abs(found[2:]).min(-1).all()


@pytest.mark.parametrize("blocks", [1, 2])
def test_appended_padding_changes_nothing(blocks: int) -> None:
    short, long = built(blocks), built(blocks, length=7)
    long.set_weights([np.pad(short.get_weights()[0], [(0, 2), (0, 0)]), *short.get_weights()[1:]])
    found = np.asarray(short(EVENTS, REC_MASK))
    padded = np.pad(EVENTS, [(0, 0), (0, 2), (0, 0)], constant_values=3.0)
    wide = np.asarray(long(padded, np.pad(REC_MASK, [(0, 0), (0, 2)])))
    np.testing.assert_allclose(wide[:, :5][REC_MASK], found[REC_MASK], rtol=1e-10)


def test_only_positions_make_the_order_matter() -> None:
    layer, order = built(), [3, 1, 0, 4, 2]
    full = np.ones((1, 5), bool)
    moved = np.asarray(layer(EVENTS[4:5, order], full))
    assert np.abs(moved - np.asarray(layer(EVENTS[4:5], full))[:, order]).max() > 1e-2
    layer.positions.assign(np.zeros((5, D)))
    moved = np.asarray(layer(EVENTS[4:5, order], full))
    np.testing.assert_allclose(moved, np.asarray(layer(EVENTS[4:5], full))[:, order], rtol=1e-10)


@pytest.mark.parametrize("blocks", [1, 2])
def test_agrees_with_the_reference(blocks: int) -> None:
    def states(encoder: object, events: np.ndarray) -> np.ndarray:
        inputs = reference.rec_inputs(events, encoder.positions)
        return reference.encode_history(inputs, REC_MASK, encoder, 2)

    def draw(rng: np.random.Generator) -> tuple:
        encoder = draw_parameters(rng, blocks=blocks).rec_encoder
        return encoder, rng.normal(size=(*REC_MASK.shape, D))

    encoder, events = smooth_draw(draw, lambda each: states(*each))
    assert_agreement(
        lambda dtype: built(blocks, dtype),
        lambda layer, x: [layer(x["events"], REC_MASK)],
        lambda: [states(encoder, events)],
        {"events": events},
        named_arrays(encoder),
        encoder_weights,
        entries=5,
    )
