"""The NumPy reference against values derived by hand, and the properties of the equations."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tests.reference import sesrec_numpy as reference
from tests.reference.central_differences import (
    KINK_MARGIN,
    central_differences,
    kink_distances,
    min_kink_distance,
)
from tests.reference.parameters import (
    Alignment,
    Array,
    CoAttention,
    Dense,
    Embedding,
    Normalization,
    Options,
    Parameters,
    TableRows,
    TransformerBlock,
    build_parameters,
    named_arrays,
    random_parameters,
)
from tests.reference.random_batches import (
    BOTH_EMPTY,
    FULL,
    LENGTH_ONE,
    REC_EMPTY,
    SEARCH_EMPTY,
    AlignmentNegatives,
    BatchShape,
    pad_histories,
    random_batch,
    random_labels,
    random_negatives,
)

SHAPE = BatchShape()
ROWS = TableRows(item_attributes=(5,), user_attributes=(4, 3))
OPTIONS = Options(
    item_width=4,
    item_attribute_width=2,
    user_width=3,
    user_attribute_width=2,
    query_width=3,
    word_width=2,
    heads=2,
    hidden_units=(7, 5),
)


def draw(seed: int, options: Options = OPTIONS) -> tuple[Parameters, dict[str, np.ndarray]]:
    """Parameters with room for two padded events, and a batch."""
    rng = np.random.default_rng(seed)
    lengths = (SHAPE.rec_length + 2, SHAPE.search_length + 2)
    parameters = random_parameters(rng, ROWS, *lengths, options)
    return parameters, random_batch(rng, ROWS, SHAPE, options.closed_tables)


def negatives_and_labels(seed: int) -> tuple[AlignmentNegatives, np.ndarray]:
    rng = np.random.default_rng(seed)
    return random_negatives(rng, ROWS, SHAPE.words), random_labels(rng, SHAPE)


def shapes_only(_: str, shape: tuple[int, ...]) -> Array:
    """An array of this shape that takes no memory."""
    return np.broadcast_to(np.float64(0), shape)


def count(parameters: Parameters) -> int:
    return sum(array.size for array in named_arrays(parameters).values())


# Parameter counts.


def test_parameter_count_of_the_amazon_configuration() -> None:
    rows = TableRows(users=68_223, items=61_935, queries=4_299, words=1_847, sources=1)
    assert count(build_parameters(rows, 15, 15, Options(), shapes_only)) == 4_351_146


def test_parameter_count_of_the_kuaishou_configuration() -> None:
    rows = TableRows(
        users=35_721,
        items=822_833,
        queries=398_925,
        words=116_570,
        sources=4,
        item_attributes=(38, 37),
        user_attributes=(3, 8, 4),
    )
    options = Options(user_width=16, user_attribute_width=4, query_width=32, word_width=32, heads=2)
    assert count(build_parameters(rows, 150, 25, options, shapes_only)) == 43_539_838


# Embedding.


def test_embeddings_concatenate_and_average() -> None:
    tables = [np.arange(float(rows * 2)).reshape(rows, 2) for rows in (3, 3, 3, 4)]
    item, user, query, word = tables
    embedding = Embedding(
        item=item,
        user=user,
        query=query,
        word=word,
        source=np.zeros((1, 2)),
        item_attributes=(np.array([[50.0], [51.0]]),),
        user_attributes=(np.array([[70.0], [71.0]]),),
        item_attribute_ids=np.array([[0], [1], [0]], np.int32),
        user_attribute_ids=np.array([[1], [0], [0]], np.int32),
        item_projection=Dense(np.eye(3), np.array([100.0, 0, 0])),
        query_projection=Dense(np.eye(4), np.zeros(4)),
    )
    # Rows: 0 is (0, 1), 1 is (2, 3), 2 is (4, 5), 3 is (6, 7).
    items = np.array([1, 2, 0], np.int32)
    expected = [[2, 3, 51], [4, 5, 0], [0, 0, 0]]
    np.testing.assert_array_equal(reference.item_embedding(embedding, items), expected)
    closed = [[2, 3, 51], [4, 5, 50], [0, 0, 0]]
    np.testing.assert_array_equal(reference.item_embedding(embedding, items, True), closed)
    np.testing.assert_array_equal(
        reference.projected_items(embedding, items[[0, 2]]), [[102, 3, 51], [100, 0, 0]]
    )
    users = np.array([0, 1], np.int32)
    np.testing.assert_array_equal(
        reference.user_embedding(embedding, users), [[0, 0, 71], [2, 3, 0]]
    )
    np.testing.assert_array_equal(
        reference.user_embedding(embedding, users, True), [[0, 1, 71], [2, 3, 70]]
    )
    # Words 1 and 3 average to ((2 + 6)/2, (3 + 7)/2); no words give zeros.
    words = np.array([[1, 3, 0], [0, 0, 0]], np.int32)
    np.testing.assert_array_equal(
        reference.projected_queries(embedding, np.array([2, 1], np.int32), words),
        [[4, 5, 4, 5], [2, 3, 0, 0]],
    )


def test_clicks_of_a_session_are_averaged() -> None:
    clicked = np.array([[[[1.0], [3.0], [9.0]], [[5.0], [6.0], [7.0]]]])
    mask = np.array([[[True, True, False], [False, False, False]]])
    np.testing.assert_array_equal(reference.mean_of_clicks(clicked, mask), [[[2.0], [0.0]]])


# History encoder.


def block_of(d: int, **changes: Dense) -> TransformerBlock:
    """Kernels of zeros and plain normalisations, except the layers named."""
    zero = Dense(np.zeros((d, d)), np.zeros(d))
    plain = Normalization(np.ones(d), np.zeros(d))
    block = TransformerBlock(zero, zero, zero, zero, plain, zero, zero, plain)
    return replace(block, **changes)


def test_masked_softmax_by_hand() -> None:
    logits = np.log([[1.0, 3.0, 100.0], [1.0, 1.0, 1.0]])
    mask = np.array([[True, True, False], [False, False, False]])
    expected = [[1 / 4, 3 / 4, 0], [0, 0, 0]]
    np.testing.assert_allclose(reference.masked_softmax(logits, mask), expected, rtol=1e-12)


def test_attention_without_queries_averages_the_valid_values() -> None:
    states = np.array([[1.0, 2.0], [3.0, 8.0], [100.0, 100.0]])
    block = block_of(2, value=Dense(np.eye(2), np.zeros(2)), output=Dense(np.eye(2), np.ones(2)))
    mask = np.array([True, True, False])
    # Values (1, 2) and (3, 8) average to (2, 5); the bias of output adds 1; pads attend too.
    expected = [[3.0, 6.0]] * 3
    np.testing.assert_allclose(reference.multi_head_attention(states, mask, block, 2), expected)


def test_attention_heads_read_their_own_columns() -> None:
    identity = Dense(np.eye(2), np.zeros(2))
    block = block_of(2, query=identity, key=identity, value=identity, output=identity)
    states = np.array([[1.0, 0.0], [0.0, 2.0]])
    found = reference.multi_head_attention(states, np.array([True, True]), block, 2)
    # Head 0 sees x = (1, 0): row 0 has logits (1, 0), context e/(e + 1); row 1 is uniform.
    # Head 1 sees y = (0, 2): row 0 is uniform, row 1 has logits (0, 4), context 2e⁴/(e⁴ + 1).
    sigmoid = [1 / (1 + math.exp(-x)) for x in (1.0, 4.0)]
    np.testing.assert_allclose(found, [[sigmoid[0], 1.0], [0.5, 2 * sigmoid[1]]], rtol=1e-12)
    # One head of width 2: logits x·x/√2, row 0 (1, 0)/√2, row 1 (0, 4)/√2.
    found = reference.multi_head_attention(states, np.array([True, True]), block, 1)
    first, second = (1 / (1 + math.exp(-x / math.sqrt(2))) for x in (1.0, 4.0))
    expected = [[first, 2 * (1 - first)], [1 - second, 2 * second]]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_block_is_post_norm_with_leaky_relu() -> None:
    block = block_of(
        2,
        inner=Dense(np.diag([200.0, 200.0]), np.zeros(2)),
        outer=Dense(np.eye(2), np.zeros(2)),
    )
    found = reference.transformer_block(np.array([[[1.0, 5.0]]]), np.array([[True]]), block, 1)
    # LN(1, 5) = (-1, 1); LeakyReLU(-200, 200) = (-2, 200); LN(-3, 201) = (-1, 1).
    np.testing.assert_allclose(found, [[[-1.0, 1.0]]], rtol=1e-8)
    wide = replace(block, feed_forward_norm=Normalization(np.array([2.0, 3.0]), np.ones(2)))
    found = reference.transformer_block(np.array([[[1.0, 5.0]]]), np.array([[True]]), wide, 1)
    np.testing.assert_allclose(found, [[[-1.0, 4.0]]], rtol=1e-8)


def test_negative_half_of_the_leaky_relu() -> None:
    identity = Dense(np.eye(3), np.zeros(3))
    block = block_of(3, inner=identity, outer=identity)
    states = np.array([[[1.0, 2.0, 3.0]]])
    found = reference.transformer_block(states, np.array([[True]]), block, 1)[0, 0]
    # LN(1, 2, 3) = √1.5·(-1, 0, 1), to which the ReLU adds √1.5·(-0.01, 0, 1):
    # √1.5·(-1.01, 0, 2), of mean √1.5·0.33 and centred √1.5·(-1.34, -0.33, 1.67).
    centred = np.array([-1.34, -0.33, 1.67])
    np.testing.assert_allclose(found, centred / np.sqrt((centred**2).mean()), rtol=1e-7)


def test_bias_encodings_by_hand() -> None:
    ones, positions = np.ones((1, 2, 1)), np.array([[10.0], [20.0], [30.0]])
    np.testing.assert_array_equal(reference.rec_inputs(ones, positions), [[[11.0], [21.0]]])
    found = reference.search_inputs(ones, 100 * ones, positions, 1000 * ones)
    np.testing.assert_array_equal(found, [[[1111.0], [1121.0]]])


def test_encoder_of_empty_histories_is_zero_and_of_padding_is_not() -> None:
    parameters, _ = draw(0)
    inputs = np.random.default_rng(1).normal(size=(2, 3, 6))
    mask = np.array([[False] * 3, [True, False, False]])
    states = reference.encode_history(inputs, mask, parameters.rec_encoder, 2)
    assert not states[0].any()
    assert np.isfinite(states).all()
    assert states[1, 1:].any(-1).all()


# Alignment.


def one_pair(query: float, item: float, negative: float = 0.0) -> dict[str, np.ndarray]:
    """`d = 1`, one session of one click, one negative of each kind."""
    return {
        "queries": np.array([[[query]]]),
        "clicked": np.array([[[[item]]]]),
        "click_mask": np.array([[[True]]]),
        "negative_items": np.array([[negative]]),
        "negative_queries": np.array([[negative]]),
    }


UNIT = Alignment(np.ones((1, 1)), np.array(1.0))


def test_alignment_of_zero_embeddings_is_the_logarithm_of_1025() -> None:
    zeros = np.zeros((1024, 4))
    found = reference.alignment_losses(
        np.zeros((1, 1, 4)),
        np.zeros((1, 1, 1, 4)),
        np.ones((1, 1, 1), bool),
        zeros,
        zeros,
        Alignment(np.ones((4, 4)), np.array(0.1)),
    )
    for loss in (found.query_to_item, found.item_to_query, found.total):
        assert loss == pytest.approx(math.log(1025), rel=1e-12)
    assert found.total == pytest.approx(6.93245, abs=1e-5)


def test_alignment_by_hand() -> None:
    # s = tanh 1 for the pair and 0 for the negative, at τ = 1.
    found = reference.alignment_losses(**one_pair(1.0, 1.0), alignment=UNIT)
    assert found.total == pytest.approx(math.log(1 + math.exp(-math.tanh(1))), rel=1e-12)
    found = reference.alignment_losses(
        **one_pair(1.0, 1.0), alignment=UNIT, positive_in_denominator=False
    )
    assert found.total == pytest.approx(-math.tanh(1), rel=1e-12)


def test_alignment_is_bounded_below() -> None:
    # s = ±1: with τ = 0.1 the logits are 10 and -10.
    arrays = one_pair(10.0, 10.0)
    arrays["negative_items"] = arrays["negative_queries"] = np.full((1024, 1), -10.0)
    tempered = Alignment(np.ones((1, 1)), np.array(0.1))
    found = reference.alignment_losses(**arrays, alignment=tempered)
    assert found.total == pytest.approx(math.log(1 + 1024 * math.exp(-20)), rel=1e-9)


def test_alignment_reductions() -> None:
    # Two pairs of loss ℓ(1) in instance 0, one of ℓ(0) = ln 2 in instance 1, none in instance 2.
    arrays = {
        "queries": np.array([[[1.0], [1.0]], [[0.0], [0.0]], [[9.0], [9.0]]]),
        "clicked": np.ones((3, 2, 1, 1)),
        "click_mask": np.array([[[True], [True]], [[True], [False]], [[False], [False]]]),
        "negative_items": np.zeros((1, 1)),
        "negative_queries": np.zeros((1, 1)),
    }
    total = 2 * math.log(1 + math.exp(-math.tanh(1))) + math.log(2)
    mean = reference.alignment_losses(**arrays, alignment=UNIT)
    assert mean.query_to_item == pytest.approx(total / 3, rel=1e-12)
    # Three instances as well as three pairs; of the first two alone the divisors differ.
    summed = reference.alignment_losses(**arrays, alignment=UNIT, reduction="sum")
    assert summed.query_to_item == pytest.approx(total / 3, rel=1e-12)
    halves = {name: array[:2] if len(array) == 3 else array for name, array in arrays.items()}
    summed = reference.alignment_losses(**halves, alignment=UNIT, reduction="sum")
    assert summed.query_to_item == pytest.approx(total / 2, rel=1e-12)
    mean = reference.alignment_losses(**halves, alignment=UNIT)
    assert mean.query_to_item == pytest.approx(total / 3, rel=1e-12)


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_alignment_without_pairs_is_zero(reduction: str) -> None:
    arrays = one_pair(1.0, 1.0) | {"click_mask": np.zeros((1, 1, 1), bool)}
    found = reference.alignment_losses(**arrays, alignment=UNIT, reduction=reduction)
    assert found == reference.AlignmentLosses(0.0, 0.0, 0.0)


def test_alignment_with_the_matrix_not_transposed() -> None:
    # q = (1, 0), i = (0, 1): q W i = W[0, 1] = 2, but i W q = W[1, 0] = -1.
    alignment = Alignment(np.array([[0.0, 2.0], [-1.0, 0.0]]), np.array(1.0))
    arrays = {
        "queries": np.array([[[1.0, 0.0]]]),
        "clicked": np.array([[[[0.0, 1.0]]]]),
        "click_mask": np.ones((1, 1, 1), bool),
        "negative_items": np.zeros((1, 2)),
        "negative_queries": np.zeros((1, 2)),
    }
    forward, backward = (math.log(1 + math.exp(-math.tanh(x))) for x in (2.0, -1.0))
    shared = reference.alignment_losses(**arrays, alignment=alignment)
    assert (shared.query_to_item, shared.item_to_query) == pytest.approx((forward, forward))
    apart = reference.alignment_losses(**arrays, alignment=alignment, shared_bilinear=False)
    assert (apart.query_to_item, apart.item_to_query) == pytest.approx((forward, backward))
    assert apart.total == pytest.approx((forward + backward) / 2)


# Interest contrast.


def test_co_attention_by_hand() -> None:
    # d = 1, W_l = 1, w_r = 2, w_s = 3; R states 1 and 2 and a pad of 7, S state 1.
    rec, search = np.array([[[1.0], [2.0], [7.0]]]), np.array([[[1.0], [4.0]]])
    masks = np.array([[True, True, False]]), np.array([[True, False]])
    parameters = CoAttention(np.ones((1, 1)), np.array([2.0]), np.array([3.0]))
    rec_weights, search_weights = reference.co_attention(rec, search, *masks, parameters)
    # R scores: 3·1·tanh(1·1) and 3·1·tanh(1·2).
    gap = 3 * (math.tanh(2) - math.tanh(1))
    second = 1 / (1 + math.exp(-gap))
    np.testing.assert_allclose(rec_weights, [[1 - second, second, 0.0]], rtol=1e-12)
    np.testing.assert_array_equal(search_weights, [[1.0, 0.0]])
    # With the padded S state 4 as well: + 3·4·tanh(4·1) and 3·4·tanh(4·2).
    rec_weights, _ = reference.co_attention(rec, search, *masks, parameters, False)
    second = 1 / (1 + math.exp(-gap - 12 * (math.tanh(8) - math.tanh(4))))
    np.testing.assert_allclose(rec_weights, [[1 - second, second, 0.0]], rtol=1e-12)


def test_co_attention_matrix_is_search_by_rec() -> None:
    # h_s = (1, 0), h_r = (0, 1) and (0, 2): h_s W h_r = W[0, 1] = 1, times 1 and 2.
    rec, search = np.array([[[0.0, 1.0], [0.0, 2.0]]]), np.array([[[1.0, 0.0]]])
    masks = np.ones((1, 2), bool), np.ones((1, 1), bool)
    bilinear = np.array([[0.0, 1.0], [0.0, 0.0]])
    parameters = CoAttention(bilinear, np.zeros(2), np.array([1.0, 0.0]))
    rec_weights, _ = reference.co_attention(rec, search, *masks, parameters)
    second = 1 / (1 + math.exp(math.tanh(1) - math.tanh(2)))
    np.testing.assert_allclose(rec_weights, [[1 - second, second]], rtol=1e-12)
    # The other way: S states (1, 0) and (2, 0), R state (0, 1), w_r = (0, 1).
    rec, search = np.array([[[0.0, 1.0]]]), np.array([[[1.0, 0.0], [2.0, 0.0]]])
    parameters = CoAttention(bilinear, np.array([0.0, 1.0]), np.zeros(2))
    _, search_weights = reference.co_attention(rec, search, *masks[::-1], parameters)
    np.testing.assert_allclose(search_weights, [[1 - second, second]], rtol=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_co_attention_weights_sum_to_one_and_the_mean_always_selects(seed: int) -> None:
    parameters, batch = draw(seed)
    result = reference.forward(parameters, batch, OPTIONS)
    contrast = result.contrast
    for weights, positive, mask in (
        (contrast.rec_weights, contrast.rec_positive, result.rec_mask),
        (contrast.search_weights, contrast.search_positive, result.search_mask),
    ):
        np.testing.assert_allclose(weights.sum(1), mask.any(1).astype(float), rtol=1e-12)
        np.testing.assert_array_equal(positive.any(1), mask.any(1))
        assert not weights[~mask].any()


WEIGHTS = [0.1, 0.2, 0.3, 0.4, 0.0]
ALL = [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("weights", "threshold", "strict", "positive", "negative"),
    [
        (WEIGHTS, "mean", False, [2, 3], [0, 1]),
        (WEIGHTS, "median", False, [2, 3], [0, 1]),  # γ = (0.2 + 0.3) / 2
        (WEIGHTS, 0.125, False, [1, 2, 3], [0]),
        (WEIGHTS, 0.0625, False, ALL, ALL),  # nothing is under 1/16
        (WEIGHTS, 0.5, False, ALL, ALL),  # nothing is over 1/2
        ([0.25] * 4 + [0.0], "mean", False, ALL, ALL),
        ([0.25] * 4 + [0.0], "mean", True, ALL, ALL),
        ([0.25] * 4 + [0.0], 0.25, False, ALL, ALL),
        # Within the tolerance: 4a = 1 - 4e-7 counts as equal, 1 - 4e-6 does not.
        ([0.25 - 1e-7, 0.25 + 1e-7, 0.2, 0.3, 0.0], "mean", False, [0, 1, 3], [2]),
        ([0.25 - 1e-6, 0.25 + 1e-6, 0.2, 0.3, 0.0], "mean", False, [1, 3], [0, 2]),
        ([0.25 - 1e-7, 0.25 + 1e-7, 0.2, 0.3, 0.0], "mean", True, [3], [0, 1, 2]),
    ],
)
def test_partition_of_four_events(
    weights: list[float],
    threshold: str | float,
    strict: bool,
    positive: list[int],
    negative: list[int],
) -> None:
    mask = np.array([[True] * 4 + [False]])
    found = reference.partition(np.array([weights]), mask, threshold, strict)
    assert [np.flatnonzero(chosen[0]).tolist() for chosen in found] == [positive, negative]


@pytest.mark.parametrize(("strict", "positive"), [(False, [1, 2]), (True, [2])])
def test_partition_at_the_median_of_an_odd_number(strict: bool, positive: list[int]) -> None:
    weights, mask = np.array([[0.2, 0.3, 0.5]]), np.ones((1, 3), bool)
    found = reference.partition(weights, mask, "median", strict)
    assert np.flatnonzero(found[0][0]).tolist() == positive
    assert (found[0] ^ found[1]).all()


@pytest.mark.parametrize("threshold", ["mean", "median", 0.125])
def test_partition_of_one_event_and_of_none(threshold: str | float) -> None:
    mask = np.array([[True, False], [False, False]])
    found = reference.partition(mask.astype(float), mask, threshold)
    for chosen in found:
        np.testing.assert_array_equal(chosen, mask)


def test_triplet_by_hand() -> None:
    # Distances 5 and 1 but for the 1e-6 in each component.
    far, near = np.array([3.0, 4.0]), np.array([0.0, 1.0])
    assert reference.triplet_loss(np.zeros(2), far, near, 0.1) == pytest.approx(4.1, abs=1e-5)
    assert reference.triplet_loss(np.zeros(2), near, far, 0.1) == 0.0
    assert reference.distance(far, far) == pytest.approx(1e-6 * math.sqrt(2), rel=1e-9)


def test_contrast_loss_by_hand() -> None:
    # Anchor 0.75·1 + 0.25·5 = 2, positive 1, negative 5: max(1 - 3 + 2.5, 0) = 0.5 over B = 2.
    states = np.array([[[1.0], [5.0]], [[1.0], [5.0]]])
    positive = np.array([[True, False]] * 2)
    found = reference.contrast_loss(
        states, np.array([[0.75, 0.25]] * 2), positive, ~positive, np.array([True, False]), 2.5
    )
    assert found == pytest.approx(0.25, abs=1e-5)


def contrast_of(
    rec_lengths: list[int], search_lengths: list[int], bilinear_scale: float = 1.0
) -> reference.Contrast:
    rng = np.random.default_rng(5)
    parameters, _ = draw(5)
    masks = [np.arange(4) < np.array(n)[:, None] for n in (rec_lengths, search_lengths)]
    states = [rng.normal(size=(*mask.shape, 6)) for mask in masks]
    scaled = replace(
        parameters.co_attention, bilinear=parameters.co_attention.bilinear * bilinear_scale
    )
    return reference.interest_contrast(*states, *masks, scaled, OPTIONS)


def test_single_events_and_uniform_weights_cost_twice_the_margin() -> None:
    assert contrast_of([1], [1]).total == pytest.approx(0.2, rel=1e-12)
    assert contrast_of([3], [4], bilinear_scale=0.0).total == pytest.approx(0.2, rel=1e-12)


def test_an_instance_without_either_history_costs_nothing() -> None:
    assert contrast_of([0, 3, 0], [3, 0, 0]).total == 0.0
    # One instance of four counts: 2m / 4.
    assert contrast_of([0, 3, 0, 1], [3, 0, 0, 1]).total == pytest.approx(0.05, rel=1e-12)


# Multi-interest extraction.


def test_pooling_by_hand() -> None:
    # h = 0, ln 3 with W_d e_v = 1: weights 1/4 and 3/4.
    states = np.array([[[0.0], [math.log(3)], [9.0]]])
    mask = np.array([[True, True, False]])
    first, second = np.array([[True, False, False]]), np.array([[False, True, False]])
    arguments = (states, mask, first, second, np.array([[2.0]]), np.array([[[0.5]]]))
    log3 = math.log(3)
    found = reference.multi_interest(*arguments)
    np.testing.assert_allclose(found, [[[0.75 * log3, 0.0, log3]]], rtol=1e-12)
    np.testing.assert_allclose(
        reference.multi_interest(*arguments, enabled=False), [[[0.75 * log3]]], rtol=1e-12
    )


def test_pooling_matrix_is_history_by_candidate() -> None:
    # h = (1, 0) or (0, 0), W_d[0, 1] = ln 3, e_v = (0, 1): logits ln 3 and 0.
    states = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    mask = np.ones((1, 2), bool)
    bilinear = np.array([[0.0, math.log(3)], [0.0, 0.0]])
    weights = reference.target_weights(states, mask, bilinear, np.array([[[0.0, 1.0]]]))
    np.testing.assert_allclose(weights, [[[0.75, 0.25]]], rtol=1e-12)


def test_pooling_without_target_attention_averages() -> None:
    rng = np.random.default_rng(0)
    states, mask = rng.normal(size=(2, 4, 3)), np.array([[True] * 3 + [False], [False] * 4])
    positive = mask & np.array([True, False, True, False])
    negative = mask & ~positive
    found = reference.multi_interest(
        states, mask, positive, negative, np.zeros((3, 3)), rng.normal(size=(2, 5, 3))
    )
    rows = states[0]
    means = np.concatenate([rows[:3].mean(0), rows[[0, 2]].mean(0), rows[1]])
    np.testing.assert_allclose(found[0], np.tile(means, (5, 1)), rtol=1e-12)
    assert not found[1].any()


# Prediction and losses.


def test_prediction_by_hand() -> None:
    layers = (
        Dense(np.array([[1.0, -1.0]] * 4), np.array([0.0, 1.0])),
        Dense(np.array([[2.0], [5.0]]), np.array([0.5])),
    )
    rec, search, candidates = (np.full((1, 1, 1), value) for value in (1.0, 2.0, 3.0))
    # The inputs 1, 2, 3, 4 sum to 10: ReLU(10, -9) = (10, 0), logit 20.5.
    logits = reference.predict(rec, search, candidates, np.array([[4.0]]), layers)
    np.testing.assert_array_equal(logits, [[20.5]])


def test_prediction_concatenates_in_the_papers_order() -> None:
    layers = (Dense(np.array([[1.0], [10.0], [100.0], [1000.0]]), np.zeros(1)),)
    rec, search, candidates = (np.full((1, 1, 1), value) for value in (1.0, 2.0, 3.0))
    logits = reference.predict(rec, search, candidates, np.array([[4.0]]), layers)
    np.testing.assert_array_equal(logits, [[4321.0]])


def test_cross_entropy_by_hand() -> None:
    # ln(1 + e^0) = ln 2 twice; ln(1 + 1/3) = ln 4/3 for logit ln 3 and label 1.
    found = reference.binary_cross_entropy(np.array([[0.0, math.log(3)]]), [[0, 1]])
    assert found == pytest.approx((math.log(2) + math.log(4 / 3)) / 2, rel=1e-12)
    assert reference.binary_cross_entropy(np.array([[1000.0, -1000.0]]), [[0, 0]]) == 500.0


def test_a_zero_last_layer_costs_the_logarithm_of_two() -> None:
    parameters, batch = draw(1)
    for array in named_arrays(parameters.prediction[-1]).values():
        array[...] = 0.0
    negatives, labels = negatives_and_labels(1)
    found = reference.losses(parameters, batch, labels, negatives, OPTIONS)
    assert found.cross_entropy == pytest.approx(math.log(2), rel=1e-12)


def test_total_is_the_weighted_sum() -> None:
    parameters, batch = draw(2)
    negatives, labels = negatives_and_labels(2)
    options = replace(OPTIONS, alpha=0.3, beta=0.7)
    found = reference.losses(parameters, batch, labels, negatives, options, weight_decay=0.02)
    squares = sum((array**2).sum() for array in named_arrays(parameters).values())
    assert found.l2 == pytest.approx(0.01 * squares, rel=1e-12)
    expected = found.cross_entropy + 0.3 * found.alignment.total + 0.7 * found.contrast.total
    assert found.total == pytest.approx(expected + found.l2, rel=1e-12)
    assert min(found.cross_entropy, found.alignment.total, found.contrast.total) > 0


# The whole model.


VARIANTS = [
    replace(OPTIONS, **changes)
    for changes in (
        {},
        {"threshold": "median", "blocks": 2},
        {"threshold": 0.125, "threshold_strict": True},
        {"multi_interest": False, "project_candidates": False},
        {"mask_both_axes": False, "closed_tables": True},
        {"alignment_shared_bilinear": False, "alignment_reduction": "sum"},
        {"alignment_positive_in_denominator": False},
    )
]


@pytest.mark.parametrize("options", VARIANTS)
def test_shapes_and_finiteness(options: Options) -> None:
    parameters, batch = draw(3, options)
    negatives, labels = negatives_and_labels(3)
    result = reference.forward(parameters, batch, options)
    assert result.rec_interests.shape == (8, 3, 18 if options.multi_interest else 6)
    assert result.logits.shape == (8, 3)
    found = reference.losses(parameters, batch, labels, negatives, options)
    assert np.isfinite([found.total, *result.logits.ravel()]).all()
    for empty in (BOTH_EMPTY, REC_EMPTY):
        assert not result.rec_interests[empty].any()
    for empty in (BOTH_EMPTY, SEARCH_EMPTY):
        assert not result.search_interests[empty].any()


@pytest.mark.parametrize("options", VARIANTS)
def test_appended_padding_changes_nothing(options: Options) -> None:
    parameters, batch = draw(4, options)
    negatives, labels = negatives_and_labels(4)
    padded = pad_histories(batch, 2, 1)
    losses = [
        reference.losses(parameters, each, labels, negatives, options).total
        for each in (batch, padded)
    ]
    plain, wider = (reference.forward(parameters, each, options) for each in (batch, padded))
    weights = wider.contrast.rec_weights[:, : SHAPE.rec_length]
    if options.mask_both_axes:
        assert losses[1] == pytest.approx(losses[0], rel=1e-12)
        np.testing.assert_allclose(wider.logits, plain.logits, rtol=1e-10)
        np.testing.assert_allclose(weights, plain.contrast.rec_weights, rtol=1e-10)
    else:
        assert np.abs(weights - plain.contrast.rec_weights)[FULL].max() > 1e-6


@pytest.mark.parametrize("options", VARIANTS)
def test_instances_do_not_see_each_other(options: Options) -> None:
    parameters, batch = draw(5, options)
    together = reference.forward(parameters, batch, options).logits
    for row in range(SHAPE.batch):
        alone = {name: array[row : row + 1] for name, array in batch.items()}
        logits = reference.forward(parameters, alone, options).logits
        np.testing.assert_allclose(logits[0], together[row], rtol=1e-10)


def test_only_positions_make_the_order_matter() -> None:
    parameters, batch = draw(6)
    swapped = dict(batch, rec_items=batch["rec_items"].copy())
    swapped["rec_items"][FULL, [0, 3]] = [3, 4]
    reference_row = dict(batch, rec_items=swapped["rec_items"].copy())
    reference_row["rec_items"][FULL, [0, 3]] = [4, 3]

    def gap() -> float:
        logits = [
            reference.forward(parameters, each, OPTIONS).logits[FULL]
            for each in (reference_row, swapped)
        ]
        return float(np.abs(logits[0] - logits[1]).max())

    assert gap() > 1e-6
    parameters.rec_encoder.positions[...] = 0.0
    assert gap() < 1e-10


def test_candidates_are_scored_independently() -> None:
    parameters, batch = draw(7)
    logits = reference.forward(parameters, batch, OPTIONS).logits
    last = dict(batch, candidates=batch["candidates"][:, -1:])
    np.testing.assert_allclose(
        reference.forward(parameters, last, OPTIONS).logits, logits[:, -1:], rtol=1e-10
    )


def test_candidates_are_projected_unless_told_otherwise() -> None:
    parameters, batch = draw(7)
    items, table = batch["candidates"], parameters.embedding
    projected = reference.forward(parameters, batch, OPTIONS).candidates
    np.testing.assert_array_equal(projected, reference.projected_items(table, items))
    raw = replace(OPTIONS, project_candidates=False)
    found = reference.forward(parameters, batch, raw).candidates
    np.testing.assert_array_equal(found, reference.item_embedding(table, items))


def test_options_are_read_by_name_from_any_configuration() -> None:
    class Configuration(Options):
        pass

    assert Options.of(Configuration(heads=7, margin=0.5)) == Options(heads=7, margin=0.5)


def test_the_base_model_ignores_co_attention() -> None:
    options = replace(OPTIONS, alpha=0.0, beta=0.0, multi_interest=False)
    parameters, batch = draw(8, options)
    negatives, labels = negatives_and_labels(8)
    # 3d + d_u = 3·6 + 7.
    assert parameters.prediction[0].kernel.shape == (25, 7)
    first = reference.losses(parameters, batch, labels, negatives, options).total
    for block in (parameters.co_attention, parameters.alignment):
        for array in named_arrays(block).values():
            array *= 0.5
    assert reference.losses(parameters, batch, labels, negatives, options).total == first


def test_rows_of_padding_are_never_read() -> None:
    options = replace(OPTIONS, mask_both_axes=False)
    parameters, batch = draw(9, options)
    before = reference.forward(parameters, batch, options).logits
    for table in (parameters.embedding.item, parameters.embedding.query, parameters.embedding.word):
        table[0] = 7.0
    np.testing.assert_array_equal(reference.forward(parameters, batch, options).logits, before)


# Kinks and gradients.


def total_of(seed: int, options: Options = OPTIONS) -> tuple[Parameters, Callable[[], float]]:
    parameters, batch = draw(seed, options)
    negatives, labels = negatives_and_labels(seed)
    return (
        parameters,
        lambda: (
            reference.losses(parameters, batch, labels, negatives, options, weight_decay=0.01).total
        ),
    )


@pytest.mark.parametrize("options", VARIANTS)
def test_most_draws_are_far_from_every_kink(options: Options) -> None:
    # Empty and single-event histories sit at a·n = 1 in every draw: they must not count.
    distances = [min_kink_distance(total_of(seed, options)[1]) for seed in range(12)]
    assert sum(distance >= KINK_MARGIN for distance in distances) >= 6


def test_only_thresholds_that_can_be_crossed_are_kinks() -> None:
    def gap(*arguments: object) -> float:
        return min_kink_distance(lambda: reference.partition(*arguments))

    four = np.ones((1, 4), bool)
    assert gap(np.array([[1.0, 0.0]]), np.array([[True, False]])) == math.inf
    assert gap(np.full((1, 4), 0.25), four) == 0.0
    assert gap(np.full((1, 4), 0.25), four, "mean", False, np.array([True])) == math.inf
    # 4·(0.3 - 0.25) for the mean, 4·(0.25 - 0.2) for the median, 4·(0.2 - 0.125) for 1/8.
    weights = np.array([[0.1, 0.2, 0.3, 0.4]])
    assert gap(weights, four) == pytest.approx(0.2)
    assert gap(weights, four, "median") == pytest.approx(0.2)
    assert gap(weights, four, 0.125) == pytest.approx(0.1)
    # The median of three is the middle one; the next is 3·0.1 away.
    assert gap(np.array([[0.2, 0.3, 0.5]]), np.ones((1, 3), bool), "median") == pytest.approx(0.3)


def test_uniform_weights_of_a_zero_matrix_are_a_kink() -> None:
    parameters, batch = draw(1)
    parameters.co_attention.bilinear[...] = 0.0
    found = kink_distances(lambda: reference.forward(parameters, batch, OPTIONS))
    assert found["threshold"] < 1e-12


def test_gradient_of_the_last_bias_is_the_mean_error() -> None:
    # ∂BCE/∂b = mean(σ(x) - y), ∂L2/∂b = λ b.
    parameters, function = total_of(2)
    bias = parameters.prediction[-1].bias
    found = central_differences(function, {"bias": bias})["bias"][0]
    _, batch = draw(2)
    logits = reference.forward(parameters, batch, OPTIONS).logits
    errors = 1 / (1 + np.exp(-logits)) - negatives_and_labels(2)[1]
    assert found == pytest.approx(errors.mean() + 0.01 * bias[0], abs=1e-8)


def test_the_partition_has_no_gradient() -> None:
    # With β = 0 the co-attention learns from nothing but the weight decay λ θ.
    parameters, function = total_of(0, replace(OPTIONS, beta=0.0))
    assert min_kink_distance(function) >= KINK_MARGIN
    arrays = named_arrays(parameters.co_attention)
    for name, gradient in central_differences(function, arrays, entries=6).items():
        probed = ~np.isnan(gradient)
        np.testing.assert_allclose(gradient[probed], 0.01 * arrays[name][probed], atol=1e-8)


def test_gradients_do_not_depend_on_the_step() -> None:
    seeds = (seed for seed in range(20) if min_kink_distance(total_of(seed)[1]) >= KINK_MARGIN)
    parameters, function = total_of(next(seeds))
    arrays = named_arrays(parameters)
    fine, coarse = (central_differences(function, arrays, step, 2) for step in (1e-6, 4e-6))
    for name in arrays:
        np.testing.assert_allclose(fine[name], coarse[name], atol=1e-7, err_msg=name)


def test_co_attention_learns_from_the_contrast() -> None:
    # A margin of 1 keeps most hinges open; at 0.1 most anchors are near enough already.
    options = replace(OPTIONS, margin=1.0)

    def contrast_at(seed: int) -> tuple[Parameters, Callable[[], float]]:
        parameters, batch = draw(seed, options)
        return parameters, lambda: reference.forward(parameters, batch, options).contrast.total

    draws = (contrast_at(seed) for seed in range(20))
    smooth = (each for each in draws if min_kink_distance(each[1]) >= KINK_MARGIN)
    parameters, contrast = next(smooth)
    gradients = central_differences(contrast, named_arrays(parameters.co_attention))
    for name, gradient in gradients.items():
        assert np.abs(gradient).max() > 1e-3, name
    flat = central_differences(contrast, named_arrays(parameters.interests), entries=3)
    assert all(np.nansum(np.abs(gradient)) == 0.0 for gradient in flat.values())


def test_single_events_give_the_contrast_no_gradient() -> None:
    parameters, batch = draw(LENGTH_ONE)
    alone = {name: array[LENGTH_ONE : LENGTH_ONE + 1] for name, array in batch.items()}

    def contrast() -> float:
        return reference.forward(parameters, alone, OPTIONS).contrast.total

    assert contrast() == pytest.approx(0.2, rel=1e-12)
    gradients = central_differences(contrast, named_arrays(parameters.rec_encoder), entries=4)
    for gradient in gradients.values():
        np.testing.assert_allclose(gradient[~np.isnan(gradient)], 0.0, atol=1e-8)
