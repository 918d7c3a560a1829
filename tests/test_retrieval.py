"""The index, the loss and the metric of TensorFlow Recommenders, against NumPy."""

from __future__ import annotations

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

import sesrec_tf
from sesrec_tf.errors import InputError
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.retrieval import (
    RecallMetric,
    RetrievalIndex,
    build_index,
    in_batch_loss,
)
from sesrec_tf.schema import FIRST_KNOWN
from sesrec_tf.training.run_directory import RunDirectory

pytest.importorskip("tensorflow_recommenders")


def index_of(vectors: np.ndarray, retrieve: int) -> RetrievalIndex:
    ids = np.arange(len(vectors), dtype=np.int32) + FIRST_KNOWN
    return RetrievalIndex(vectors.astype(np.float32), ids, retrieve)


def expected_items(
    vectors: np.ndarray, queries: np.ndarray, seen: np.ndarray, retrieve: int
) -> list[list[int]]:
    """Plain Python: sort all items, leave out the seen ones, cut or pad."""
    rows = []
    for query, left_out in zip(queries, seen, strict=True):
        order = sorted(range(len(vectors)), key=lambda item: (-(vectors[item] @ query), item))
        found = [item + FIRST_KNOWN for item in order if item + FIRST_KNOWN not in left_out]
        rows.append((found + [0] * retrieve)[:retrieve])
    return rows


@settings(max_examples=30, deadline=None)
@given(
    items=st.integers(1, 12),
    retrieve=st.integers(1, 15),
    width=st.integers(0, 8),
    seed=st.integers(0, 2**16),
)
def test_equals_a_sort_of_the_unseen(items: int, retrieve: int, width: int, seed: int) -> None:
    """Whatever the sizes; small integers as coordinates make many ties, and exact products."""
    rng = np.random.default_rng(seed)
    vectors, queries = rng.integers(-2, 3, (items, 3)), rng.integers(-2, 3, (4, 3))
    # Padding, unknown, repeated and foreign indices among them.
    seen = rng.integers(0, items + FIRST_KNOWN + 2, (4, width)).astype(np.int32)
    found = index_of(vectors, retrieve)(tf.constant(queries, tf.float32), tf.constant(seen))
    assert found.dtype == tf.int32
    assert found.numpy().tolist() == expected_items(vectors, queries, seen, min(retrieve, items))


def test_by_hand() -> None:
    index = index_of(np.array([[1.0], [3.0], [2.0]]), 2)
    queries = tf.constant([[1.0], [-1.0], [1.0]])
    seen = tf.constant([[0, 1], [2, 0], [3, 4]])
    # Item 2 scores 1, item 3 scores 3, item 4 scores 2; the last user has seen the best two.
    np.testing.assert_array_equal(index(queries, seen), [[3, 4], [4, 3], [2, 0]])
    products, items = index.search(queries, seen, 3)
    np.testing.assert_array_equal(items, [[3, 4, 2], [4, 3, 0], [2, 0, 0]])
    low = tf.float32.min
    np.testing.assert_array_equal(products, [[3, 2, 1], [-2, -3, low], [1, low, low]])


def test_retrieves_at_least_one() -> None:
    with pytest.raises(InputError, match="`retrieve` should be a positive number"):
        index_of(np.ones((3, 1)), 0)


def test_every_known_item_is_indexed(tiny_run: RunDirectory) -> None:
    model = sesrec_tf.load(tiny_run.path)
    head = RetrievalHead(4, 8)
    ids = np.arange(tiny_run.dataset.sizes.items, dtype=np.int32) + FIRST_KNOWN
    items = model.embed_items(ids)
    head.build((None, 9), items.shape)
    index = build_index(model, head, len(ids))
    assert index.items == len(ids)
    queries = head.item_vectors(items)
    found = index(queries, tf.zeros((len(ids), 1), tf.int32)).numpy()
    # An item is nearest to itself, or equal to whatever is nearer.
    products = np.einsum("ir,ir->i", queries, tf.gather(queries, found[:, 0] - FIRST_KNOWN))
    np.testing.assert_allclose(products, 1.0, atol=1e-5)
    np.testing.assert_array_equal(np.sort(found, axis=1), np.broadcast_to(ids, found.shape))


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[RetrievalIndex, Path]:
    index = index_of(np.random.default_rng(0).normal(size=(7, 3)), 5)
    archive = keras.export.ExportArchive()
    for variable in index.variables:
        archive.track(variable)
    specs = [
        {
            "queries": tf.TensorSpec([None, 3], tf.float32, name="queries"),
            "seen": tf.TensorSpec([None, 4], tf.int32, name="seen"),
        }
    ]
    archive.add_endpoint("serve", lambda r: {"items": index(r["queries"], r["seen"])}, specs)
    path = tmp_path_factory.mktemp("index") / "1"
    archive.write_out(str(path), verbose=False)
    return index, path


def test_an_archive_gives_the_same_through_both_loaders(
    exported: tuple[RetrievalIndex, Path],
) -> None:
    index, path = exported
    rng = np.random.default_rng(1)
    queries = rng.normal(size=(6, 3)).astype(np.float32)
    seen = rng.integers(0, 9, (6, 4)).astype(np.int32)
    expected = index(tf.constant(queries), tf.constant(seen)).numpy()
    loaded = tf.saved_model.load(str(path)).signatures["serve"]
    found = loaded(queries=tf.constant(queries), seen=tf.constant(seen))["items"]
    np.testing.assert_array_equal(found, expected)
    with tf.compat.v1.Session(graph=tf.Graph()) as session:
        graph = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
        signature = graph.signature_def["serve"]
        feed = {signature.inputs["queries"].name: queries, signature.inputs["seen"].name: seen}
        again = session.run(signature.outputs["items"].name, feed)
        alone = session.run(
            signature.outputs["items"].name, {name: value[2:3] for name, value in feed.items()}
        )
    np.testing.assert_array_equal(again, expected)
    np.testing.assert_array_equal(alone, expected[2:3])


def test_loss_equals_numpy() -> None:
    """Cross-entropy over the batch, logits less log P, other copies of the positive left out."""
    rng = np.random.default_rng(0)
    users, items = rng.normal(size=(2, 6, 4))
    ids = np.array([5, 9, 5, 3, 9, 2], np.int32)
    items = items[[0, 1, 0, 3, 1, 5]]
    probabilities = {2: 6e-7, 3: 0.2, 5: 0.5, 9: 0.04}
    p = np.array([probabilities[item] for item in ids])
    logits = users @ items.T / 0.25 - np.log(p)
    copies = (ids[:, None] == ids) & ~np.eye(6, dtype=bool)
    weights = np.where(copies, 0.0, np.exp(logits))
    expected = np.mean(np.log(weights.sum(axis=1)) - np.diag(logits))

    loss = tf.function(in_batch_loss(0.25))
    arguments = [tf.constant(users, tf.float32), tf.constant(items, tf.float32), tf.constant(ids)]
    found = loss(*arguments, tf.constant(p, tf.float32))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    # A common factor changes nothing, though the task takes all below 1e-6 for 1e-6.
    np.testing.assert_allclose(
        loss(*arguments, tf.constant(p * 1e-6, tf.float32)), found, rtol=1e-5
    )


def test_recall_by_hand() -> None:
    index = index_of(np.array([[4.0], [3.0], [2.0], [1.0]]), 4)
    metric = RecallMetric(index, (2, 1, 9))
    queries = np.ones((2, 1), np.float32)
    seen = np.array([[2, 0], [0, 0]], np.int32)
    # Items 3, 4, 5 are left for the first user, whose positive comes second; all for the second
    # one, whose positive comes third.
    metric.update(tf.constant(queries), tf.constant([4, 4]), tf.constant(seen))
    assert metric.result() == {"recall@1": 0.0, "recall@2": 1 / 2, "recall@9": 1.0}
    # An unknown positive, one that was seen, and the first of all.
    metric.update(tf.ones((3, 1)), tf.constant([1, 2, 2]), tf.constant([[0, 0], [2, 0], [0, 0]]))
    assert metric.result() == pytest.approx(
        {"recall@1": 1 / 5, "recall@2": 2 / 5, "recall@9": 3 / 5}
    )
