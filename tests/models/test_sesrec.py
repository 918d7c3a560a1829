"""SESRec against the reference, and the checks of its specification."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from sesrec_tf.config import ModelConfig
from sesrec_tf.errors import InputError
from sesrec_tf.models.presets import parity, preset
from sesrec_tf.models.sesrec import SESRec
from sesrec_tf.schema import HistoryShape, VocabularySizes
from sesrec_tf.signatures import explanation_shapes
from sesrec_tf.training.adam import Adam
from tests.layers.agreement import assert_near
from tests.layers.layer_test import path_of
from tests.layers.reference_weights import sesrec_weights
from tests.models.model_test import run_model_test
from tests.models.small_model import HISTORY, Case, draw_case, small_config, small_model
from tests.reference import sesrec_numpy as reference
from tests.reference.central_differences import central_differences
from tests.reference.parameters import named_arrays
from tests.reference.random_batches import BOTH_EMPTY, FULL, LENGTH_ONE, REC_EMPTY, pad_histories

VARIANTS: list[dict[str, Any]] = [
    {},
    {"threshold": "median", "blocks": 2},
    {"threshold": 0.125, "threshold_strict": True},
    {"multi_interest": False, "project_candidates": False},
    {"mask_both_axes": False, "closed_tables": True},
    {"alignment_shared_bilinear": False, "alignment_reduction": "sum"},
    {"alignment_positive_in_denominator": False, "threshold": 0.0625},
    {"alpha": 0.0, "beta": 0.0, "multi_interest": False},
    {"beta": 0.0},
]


@pytest.fixture
def float64() -> Iterator[None]:
    """Losses and metrics in float64, as the weights."""
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    yield
    keras.config.set_floatx(before)


def rows_of(arrays: dict[str, np.ndarray], *rows: int) -> dict[str, np.ndarray]:
    return {name: array[list(rows)] for name, array in arrays.items()}


def training_terms(model: SESRec, features: dict[str, np.ndarray]) -> dict[str, float]:
    """Unweighted auxiliary losses of one training call."""
    model(features, training=True)
    return {name: float(value) for name, value in model.loss_terms().items()}


@pytest.mark.parametrize("changes", [{}, {"closed_tables": True, "threshold": "median"}], ids=str)
def test_as_a_model(changes: dict[str, Any], tmp_path: Path) -> None:
    case = draw_case(**{"margin": 3.0, **changes})
    run_model_test(case.model("float32"), case.features, tmp_path)


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("changes", [{}, {"mask_both_axes": False}, {"threshold": 0.99}], ids=str)
def test_explanations_agree_with_the_reference(changes: dict[str, Any]) -> None:
    case = draw_case(**changes)
    model = case.model()
    state = model.encode(case.features)
    found = model.explain(state, case.features["candidates"])
    shapes = explanation_shapes(HISTORY)
    assert {name: value.shape[1:] for name, value in found.items()} == shapes
    expected = reference.forward(case.parameters, case.batch, case.options)
    for side in ("rec", "search"):
        sets = [
            getattr(expected, f"{side}_mask"),
            getattr(expected.contrast, f"{side}_positive"),
            getattr(expected.contrast, f"{side}_negative"),
        ]
        shares = [
            reference.target_weights(
                getattr(expected, f"{side}_states"),
                chosen,
                getattr(case.parameters.interests, side),
                expected.candidates[:, :1],
            )[:, 0]
            for chosen in sets
        ]
        weights = getattr(expected.contrast, f"{side}_weights") * sets[0]
        assert_near(found[f"{side}_weights"], weights, "weights")
        np.testing.assert_array_equal(found[f"{side}_similar"], sets[1])
        np.testing.assert_array_equal(found[f"{side}_dissimilar"], sets[2])
        assert_near(found[f"{side}_interests"], np.stack(shares, -1), "interests")


def test_what_cannot_be_explained() -> None:
    case = draw_case(multi_interest=False)
    assert not case.model().explainable
    assert draw_case().model().explainable


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_training_agrees_with_the_reference(changes: dict[str, Any]) -> None:
    """Logits, every loss term, and the gradient of the whole loss with its L2."""
    decay = 0.05
    case = draw_case(**changes)
    model = case.model()
    expected = reference.forward(case.parameters, case.batch, case.options)
    assert_near(model(case.features), expected.logits, "logits")
    negatives = case.negatives(model)
    model.compile(Adam(1e-3, l2=decay), run_eagerly=True)
    logs = model.train_on_batch(case.features, case.labels, return_dict=True)
    losses = case.losses(negatives)
    terms = {"bce": losses.cross_entropy, "loss": losses.total}
    if case.config.alpha:
        terms["alignment_q2i"] = losses.alignment.query_to_item
        terms["alignment_i2q"] = losses.alignment.item_to_query
    if case.config.beta:
        terms["contrast_rec"] = losses.contrast.rec_loss
        terms["contrast_search"] = losses.contrast.search_loss
    assert set(logs) == set(terms)
    for name, value in terms.items():
        assert_near(logs[name], np.array(value), name)
    _compare_gradients(case, model, negatives, decay)


def _compare_gradients(case: Case, model: SESRec, negatives: Any, decay: float) -> None:
    arrays = named_arrays(case.parameters)
    numeric = sesrec_weights(
        central_differences(lambda: case.losses(negatives, decay).total, arrays, entries=3)
    )
    variables = model.trainable_variables
    assert {path_of(variable) for variable in variables} == set(filter(case.uses, numeric))
    for variable, momentum in zip(variables, model.optimizer._momentums, strict=True):
        # After one step the first moment is (1 - 0.9) times the gradient.
        found = np.asarray(momentum) / (1 - model.optimizer.beta_1)
        assert_near(found, numeric[path_of(variable)], f"gradient of {variable.path}")


@pytest.mark.parametrize("changes", VARIANTS, ids=str)
def test_single_precision_agrees_with_the_reference(changes: dict[str, Any]) -> None:
    case = draw_case(1, **changes)
    found = case.model("float32")(case.features)
    expected = reference.forward(case.parameters, case.batch, case.options)
    assert found.dtype == "float32"
    assert_near(found, expected.logits, "logits")


# The checks of spec §1.9, in its order.


@pytest.mark.parametrize(
    ("name", "total", "groups"),
    [
        (
            "kindle",
            4_351_146,
            {
                "users ids": 68_223 * 32,
                "items ids": 61_935 * 32,
                "queries ids": 4_299 * 16,
                "queries words": 1_847 * 16,
                "search_event": 32,
                "projections": 2_112,
                "encoders": 12_928,
                "positions": 960,
                "contrast": 1_088,
                "interests": 2_048,
                "prediction": 67_561,
                "alignment": 1_025,
            },
        ),
        ("kuaishou", 43_539_838, {}),
    ],
)
def test_1_parameter_counts(name: str, total: int, groups: dict[str, int]) -> None:
    chosen = preset(name)
    config = parity(chosen.config)
    assert chosen.sizes is not None
    model = SESRec(config.model, config.history, chosen.sizes, distinct_queries=1)
    assert model.count_params() == total
    found: dict[str, int] = {}
    for variable in model.trainable_variables:
        group = _group(path_of(variable))
        found[group] = found.get(group, 0) + variable.shape.num_elements()
    if groups:
        assert found == groups
        # Spec §1.9.1: all embeddings together.
        tables = [count for group, count in groups.items() if " " in group]
        assert sum(tables) + groups["search_event"] == 4_263_424
    else:
        # Spec §1.9.1: the tables of the Kuaishou form.
        others = ("projections", "encoders", "positions", "contrast", "interests", "prediction")
        assert total - sum(found[group] for group in (*others, "alignment")) == 43_398_884


def _group(path: str) -> str:
    first, second = path.split("/")[:2]
    if first in ("rec_encoder", "search_encoder"):
        return "positions" if second == "positions" else "encoders"
    if first in ("users", "items", "queries"):
        return f"{first} {second}"
    for suffix in ("projection", "interest"):
        if first.endswith(f"_{suffix}"):
            return f"{suffix}s"
    return first


def test_2_alignment_of_zero_vectors() -> None:
    case = draw_case(alignment_negatives=1024)
    model = case.model()
    for projection in (model.item_projection, model.query_projection):
        for weight in projection.weights:
            weight.assign(np.zeros(weight.shape))
    terms = training_terms(model, case.features)
    for name in ("alignment_q2i", "alignment_i2q"):
        assert terms[name] == pytest.approx(math.log(1025), rel=1e-12)
        assert terms[name] == pytest.approx(6.93245, abs=5e-6)


def test_3_contrast_of_single_events_and_of_uniform_weights() -> None:
    case = draw_case(margin=0.1)
    model = case.model()
    one = rows_of(case.features, LENGTH_ONE)
    terms = training_terms(model, one)
    assert terms["contrast_rec"] + terms["contrast_search"] == pytest.approx(0.2, rel=1e-12)
    model.contrast.co_attention.bilinear.assign(np.zeros((model.width, model.width)))
    terms = training_terms(model, rows_of(case.features, FULL))
    assert terms["contrast_rec"] + terms["contrast_search"] == pytest.approx(0.2, rel=1e-12)


def test_4_co_attention_sums_to_one() -> None:
    case = draw_case()
    state = case.model().encode(case.features)
    for side in ("rec", "search"):
        weights, masks = np.asarray(state[f"{side}_weights"]), np.asarray(state[f"{side}_masks"])
        valid, similar = masks[:, 0], masks[:, 1]
        np.testing.assert_allclose(weights.sum(1), valid.any(1).astype(float), rtol=1e-12)
        assert not weights[~valid].any()
        np.testing.assert_array_equal(similar.any(1), valid.any(1))


def test_5_interests_without_target_attention_are_plain_means() -> None:
    case = draw_case()
    model = case.model()
    state = model.encode(case.features)
    candidates = model.embed_items(case.features["candidates"])
    for side in ("rec", "search"):
        layer = getattr(model, f"{side}_interest")
        layer.bilinear.assign(np.zeros((model.width, model.width)))
        states, masks = state[f"{side}_states"], np.asarray(state[f"{side}_masks"])
        found = np.asarray(layer(states, candidates, masks))
        for row in (BOTH_EMPTY, LENGTH_ONE, FULL):
            vectors = np.asarray(states)[row]
            means = [vectors[m].mean(0) if m.any() else 0 * vectors[0] for m in masks[row]]
            expected = np.tile(np.concatenate(means), (candidates.shape[1], 1))
            np.testing.assert_allclose(found[row], expected, rtol=1e-9)


@pytest.mark.parametrize("mask_both_axes", [True, False])
def test_6_appended_padding_changes_nothing(mask_both_axes: bool) -> None:
    case = draw_case(mask_both_axes=mask_both_axes)
    longer = replace(
        HISTORY, rec_length=HISTORY.rec_length + 2, search_length=HISTORY.search_length + 1
    )
    plain, wide = case.model(), case.model(history=longer)
    padded = pad_histories(case.features, 2, 1)
    first, second = training_terms(plain, case.features), training_terms(wide, padded)
    gap = max(abs(first[name] - second[name]) for name in first)
    logits_gap = np.abs(np.asarray(plain(case.features)) - np.asarray(wide(padded))).max()
    if mask_both_axes:
        assert max(gap, logits_gap) < 1e-12
    else:
        assert gap > 1e-6


def test_7_only_positions_make_the_order_matter() -> None:
    case = draw_case()
    model = case.model()
    plain, swapped = rows_of(case.features, FULL), rows_of(case.features, FULL)
    plain["rec_items"][0, [0, 3]] = [3, 4]
    swapped["rec_items"] = plain["rec_items"].copy()
    swapped["rec_items"][0, [0, 3]] = [4, 3]

    def gap() -> float:
        return float(np.abs(np.asarray(model(plain)) - np.asarray(model(swapped))).max())

    assert gap() > 1e-6
    model.rec_encoder.positions.assign(np.zeros(model.rec_encoder.positions.shape))
    assert gap() < 1e-12


def test_8_alignment_is_bounded() -> None:
    # With τ = 0.1 and 1024 negatives logits lie within ±10.
    case = draw_case(alignment_negatives=1024)
    model = case.model()
    model.alignment.temperature.assign(0.1)
    for scale in (0.01, 1.0, 100.0):
        model.alignment.bilinear.assign(np.asarray(model.alignment.bilinear) * scale)
        terms = training_terms(model, case.features)
        for name in ("alignment_q2i", "alignment_i2q"):
            lower, upper = (math.log1p(1024 * math.exp(x)) for x in (-20, 20))
            assert lower <= terms[name] <= upper


def test_9_a_zero_last_layer_costs_the_logarithm_of_two() -> None:
    case = draw_case()
    model = case.model("float32")
    model.prediction.kernels[-1].assign(np.zeros((5, 1)))
    model.prediction.biases[-1].assign([0.0])
    model.compile(run_eagerly=True)
    logs = model.train_on_batch(case.features, case.labels, return_dict=True)
    assert logs["bce"] == pytest.approx(math.log(2), rel=1e-6)


def test_10_the_base_model() -> None:
    case = draw_case(alpha=0.0, beta=0.0, multi_interest=False)
    model = case.model()
    assert model.alignment is model.contrast is model.alignment_negatives is None
    d, d_user = model.width, model.users.width
    assert model.prediction.kernels[0].shape == (3 * d + d_user, 7)
    assert set(model.encode(case.features)) == {
        "rec_states", "search_states", "rec_masks", "search_masks", "user",
    }  # fmt: skip
    assert training_terms(model, case.features) == {}
    assert model.losses == []


# Beyond the list.


def test_the_full_model_reads_seven_vectors_and_the_user() -> None:
    model = small_model(small_config())
    assert model.prediction.kernels[0].shape == (7 * model.width + model.users.width, 7)


def test_an_empty_history_gives_zero_interests_and_finite_gradients() -> None:
    case = draw_case()
    model = case.model("float32")
    empty = rows_of(case.features, BOTH_EMPTY, REC_EMPTY)
    state = model.encode(empty)
    assert not np.asarray(state["rec_states"]).any()
    assert not np.asarray(state["rec_masks"]).any()
    model.compile(keras.optimizers.SGD(0.1), run_eagerly=True)
    logs = model.train_on_batch(empty, case.labels[:2], return_dict=True)
    assert np.isfinite(list(logs.values())).all()
    assert all(np.isfinite(weight).all() for weight in model.weights)


def test_padding_rows_stay_at_zero() -> None:
    case = draw_case()
    model = case.model("float32")
    model.compile(Adam(0.1, l2=0.1), run_eagerly=True)
    for _ in range(2):
        model.train_on_batch(case.features, case.labels)
    for embedding, _ in model.id_tables():
        assert not np.asarray(embedding.table)[0].any()
        assert np.asarray(embedding.table)[1:].any()


def test_draws_depend_on_seed_and_step_and_not_on_the_model_made_before() -> None:
    case = draw_case(dropout=0.5)

    def logits(seed: int, iterations: int) -> np.ndarray:
        model = small_model(case.config, seed=seed)
        source = case.model("float32")
        model.set_weights(source.get_weights())
        model.compile()
        model.optimizer.iterations.assign(iterations)
        return np.asarray(model(case.features, training=True))

    first = logits(3, 5)
    np.testing.assert_array_equal(logits(3, 5), first)
    assert (logits(3, 6) != first).any()
    assert (logits(4, 5) != first).any()


def test_a_free_temperature_and_a_held_one() -> None:
    for minimum, expected in ((1e-3, 1e-3), (None, -0.4)):
        case = draw_case(minimum_temperature=minimum)
        model = case.model("float32")
        optimizer = keras.optimizers.SGD(1.0)
        optimizer.apply([np.float32(0.5)], [model.alignment.temperature])
        model.alignment.temperature.assign(0.1)
        optimizer.apply([np.float32(0.5)], [model.alignment.temperature])
        assert float(model.alignment.temperature) == pytest.approx(expected)


def test_every_id_table_is_named_after_its_vocabulary() -> None:
    model = small_model(small_config())
    found = {name: embedding.rows for embedding, name in model.id_tables()}
    assert found == {
        "users": 7, "items": 12, "queries": 9, "words": 10, "sources": 4,
        "user_user_4": 4, "user_user_3": 3, "item_item_5": 5,
    }  # fmt: skip


def test_heads_must_divide_the_width() -> None:
    sizes = VocabularySizes(3, 3, 3, 3, 0, item_attributes=(("brand", 2),))
    with pytest.raises(InputError, match=r"d = 40 \(32 \+ 1 attributes of 8\).*heads=3"):
        SESRec(ModelConfig(heads=3), HistoryShape(), sizes)


def test_the_configuration_round_trips_by_value() -> None:
    model = small_model(small_config(threshold=0.25, minimum_temperature=None), seed=9)
    copy = SESRec.from_config(model.get_config())
    assert (copy.config, copy.history, copy.sizes) == (model.config, model.history, model.sizes)
    assert (copy.seed, copy.distinct_queries) == (9, model.distinct_queries)
