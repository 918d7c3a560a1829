"""The retrieval head."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.layers.retrieval_head import RetrievalHead
from tests.layers.layer_test import path_of, randomize, run_layer_test

SEED = np.array([1, 2], np.int32)
USERS, ITEMS = 7, 5


def draw_inputs(rng: np.random.Generator) -> dict[str, np.ndarray]:
    return {
        "users": rng.normal(size=(4, USERS)).astype(np.float32),
        "items": rng.normal(size=(6, ITEMS)).astype(np.float32),
    }


def built(dropout: float = 0.0, temperature: float = 0.5) -> RetrievalHead:
    head = RetrievalHead(3, 8, temperature, dropout)
    head.build((None, USERS), (None, ITEMS))
    return head


@pytest.mark.parametrize("training", [False, True])
def test_as_a_layer(training: bool) -> None:
    run_layer_test(
        RetrievalHead(3, 8, 0.5, 0.2),
        ((None, USERS), (None, ITEMS)),
        {**draw_inputs(np.random.default_rng(0)), "seed": SEED},
        {
            "user_hidden/kernel": (USERS, 8),
            "user_hidden/bias": (8,),
            "user_output/kernel": (8, 3),
            "user_output/bias": (3,),
            "item_hidden/kernel": (ITEMS, 8),
            "item_hidden/bias": (8,),
            "item_output/kernel": (8, 3),
            "item_output/bias": (3,),
        },
        shared=("items", "seed"),
        options={"training": training},
        at_least_float32=True,
    )


def by_hand() -> RetrievalHead:
    """Users (a, b) become (relu(a), relu(b)), items (c) become (relu(3c), relu(4c))."""
    head = RetrievalHead(width=2, hidden_units=2, temperature=0.5, dropout=0.0)
    head.build((None, 2), (None, 1))
    for layer in (head.user_hidden, head.user_output, head.item_output):
        layer.kernel.assign(np.eye(2))
    head.item_hidden.kernel.assign([[3.0, 4.0]])
    return head


def test_by_hand() -> None:
    head = by_hand()
    # (3, -1) becomes (3, 0), of length one (1, 0); (1, 1) becomes (√½, √½); the item (3, 4) / 5.
    users = np.array([[3.0, -1.0], [1.0, 1.0]], np.float32)
    items = np.array([[2.0]], np.float32)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(head.user_vectors(users), [[1, 0], [half, half]], rtol=1e-6)
    np.testing.assert_allclose(head.item_vectors(items), [[0.6, 0.8]], rtol=1e-6)
    # Products 0.6 and 1.4 √½, over a temperature of 0.5.
    np.testing.assert_allclose(head(users, items), [[1.2], [2.8 * half]], rtol=1e-6)


def test_a_zero_vector_stays_finite() -> None:
    """The towers give zeros for it; its score is 0 for everyone, and so is its gradient."""
    head = by_hand()
    with tf.GradientTape() as tape:
        scores = head(np.array([[-1.0, -1.0]], np.float32), np.array([[2.0]], np.float32))
    np.testing.assert_array_equal(scores, [[0.0]])
    gradients = tape.gradient(scores, [weight.value for weight in head.trainable_variables])
    assert all(np.isfinite(gradient).all() for gradient in gradients)


def test_no_gradient_reaches_what_the_vectors_come_from() -> None:
    head = built()
    users, items = (tf.Variable(v) for v in draw_inputs(np.random.default_rng(0)).values())
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(head(users, items))
    weights = [weight.value for weight in head.trainable_variables]
    gradients = tape.gradient(loss, [users, items, *weights])
    assert gradients[:2] == [None, None]
    assert all(np.any(gradient) for gradient in gradients[2:])


def test_dropout_acts_in_training_and_repeats() -> None:
    head = built(dropout=0.5)
    randomize(head)
    inputs = draw_inputs(np.random.default_rng(0))
    plain = np.asarray(head(**inputs))
    dropped = np.asarray(head(**inputs, training=True, seed=SEED))
    assert (plain != dropped).any()
    np.testing.assert_array_equal(head(**inputs, training=True, seed=SEED), dropped)
    other = np.asarray(head(**inputs, training=True, seed=SEED + 1))
    assert (other != dropped).any()


def test_names_do_not_depend_on_how_many_heads_were_made() -> None:
    first, second = built(), built()
    assert [weight.path for weight in first.weights] == [weight.path for weight in second.weights]
    assert path_of(first.weights[0]) == "user_hidden/kernel"
