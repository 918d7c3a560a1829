"""Retrieval by TensorFlow Recommenders, which this module alone imports, and only when asked.

TensorFlow Recommenders works on `tf.keras` of version 2, the rest of the package on Keras 3, which
`TF_USE_LEGACY_KERAS` leaves alone. Its layers here hold constants and compute on tensors; none of
them is part of a Keras 3 model.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from sesrec_tf.data.left_align import left_align
from sesrec_tf.errors import InputError
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import FIRST_KNOWN, PADDING

Tensor = Any

CHUNK = 4096
"""Items embedded at once."""

_SWITCH = "TF_USE_LEGACY_KERAS"


class RetrievalIndex:
    """The items of largest product with a query, found exactly.

    Args:
        vectors: float32 `[I, r]`.
        ids: int32 `[I]`, indices of the items, none of them padding.
        retrieve: `N`, items to return for each query.

    Attributes:
        items: `I`.
        retrieve: `N`.
        variables: what an archive that calls the index has to track.

    Raises:
        InputError: if `retrieve` is not positive, or TensorFlow Recommenders cannot be used.
    """

    def __init__(self, vectors: Tensor, ids: Tensor, retrieve: int) -> None:
        if retrieve < 1:
            raise InputError(
                f"`retrieve` should be a positive number of items. Received: {retrieve}."
            )
        layers = require_recommenders().layers
        self.retrieve = retrieve
        self.items = int(ids.shape[0])
        self._layer = layers.factorized_top_k.BruteForce(k=min(retrieve, self.items))
        self._layer.index(tf.convert_to_tensor(vectors), tf.convert_to_tensor(ids))

    @property
    def variables(self) -> list[tf.Variable]:
        return list(self._layer.variables)

    def __call__(self, queries: Tensor, seen: Tensor) -> Tensor:
        """Items by falling product; of equal ones the one indexed first.

        Args:
            queries: float32 `[B, r]`.
            seen: int32 `[B, S]`, items to leave out. `S` is static; indices that the index does
                not hold, such as padding, leave out nothing.

        Returns:
            int32 `[B, min(N, I)]`, 0 where fewer unseen items exist.
        """
        return self.search(queries, seen, min(self.retrieve, self.items))[1]

    def search(self, queries: Tensor, seen: Tensor, k: int) -> tuple[Tensor, Tensor]:
        """As a call, for any `k`: products float32 `[B, k]`, the lowest at padding, and items."""
        # Every seen item may stand before the k-th unseen one.
        reached = min(k + seen.shape[1], self.items)
        products, items = self._layer(queries, k=reached)
        unseen = ~tf.reduce_any(items[:, :, None] == seen[:, None, :], axis=-1)
        fill = [[0, 0], [0, max(k - reached, 0)]]
        items = tf.pad(left_align(items, unseen)[:, :k], fill)
        products = tf.pad(left_align(products, unseen)[:, :k], fill)
        return tf.where(items == PADDING, products.dtype.min, products), items


def build_index(model: RankingModel, head: RetrievalHead, retrieve: int) -> RetrievalIndex:
    """An index of every known item.

    Args:
        model: the ranking model that the head was trained on.
        head: a built head.
        retrieve: `N`, items to return for each query.

    Raises:
        InputError: as `RetrievalIndex`.
    """
    ids = np.arange(_known_items(model), dtype=np.int32) + FIRST_KNOWN
    chunks = [ids[start : start + CHUNK] for start in range(0, len(ids), CHUNK)]
    vectors = [head.item_vectors(model.embed_items(chunk)) for chunk in chunks]
    return RetrievalIndex(tf.concat(vectors, axis=0), ids, retrieve)


def in_batch_loss(temperature: float) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """The loss of a batch of positives, each the negative of the others' users.

    Cross-entropy of `p_bᵀ q_c / τ - log P(c)` over the batch's items `c`, without those that are
    the positive of `b` once more. `P` corrects for frequent items being negatives more often
    (Yi et al., RecSys 2019); an item less than a millionth as frequent as the batch's most
    frequent one counts as a millionth.

    Args:
        temperature: `τ`.

    Returns:
        A function of user vectors `[B, r]`, item vectors `[B, r]`, item indices `[B]` and their
        sampling probabilities float32 `[B]`, up to a common factor, to the mean loss.

    Raises:
        InputError: if TensorFlow Recommenders cannot be used.
    """
    task = require_recommenders().tasks.Retrieval(
        temperature=temperature, remove_accidental_hits=True
    )

    def loss(users: Tensor, items: Tensor, ids: Tensor, probabilities: Tensor) -> Tensor:
        total = task(
            users,
            items,
            # The task takes anything below 1e-6 for 1e-6. A common factor cancels in the softmax.
            candidate_sampling_probability=probabilities / tf.reduce_max(probabilities),
            candidate_ids=ids,
            compute_metrics=False,
            compute_batch_metrics=False,
        )
        return total / tf.cast(tf.shape(ids)[0], total.dtype)

    return loss


class _Unseen:
    """An index as `FactorizedTopK` calls it, which has no place for the items to leave out."""

    def __init__(self, index: RetrievalIndex) -> None:
        self._index = index
        self.seen: Tensor = None

    def __call__(self, queries: Tensor, k: int) -> tuple[Tensor, Tensor]:
        return self._index.search(queries, self.seen, k)


class RecallMetric:
    """Share of queries whose positive is among the first k items, by `FactorizedTopK`.

    Args:
        index: what retrieves.
        cutoffs: the k's.
    """

    def __init__(self, index: RetrievalIndex, cutoffs: Sequence[int]) -> None:
        self._cutoffs = sorted(cutoffs)
        self._unseen = _Unseen(index)
        metrics = require_recommenders().metrics
        self._metric = metrics.FactorizedTopK(self._unseen, ks=self._cutoffs)

    def update(self, queries: Tensor, positives: Tensor, seen: Tensor) -> None:
        """Counts a batch.

        Args:
            queries: float32 `[B, r]`.
            positives: int32 `[B]`; one that the index does not hold is never found.
            seen: int32 `[B, S]`, items to leave out.
        """
        self._unseen.seen = seen
        # Its second argument counts only when there are no identifiers.
        self._metric.update_state(queries, queries, true_candidate_ids=positives)

    def result(self) -> dict[str, float]:
        """The shares so far, as `recall@k`."""
        values = self._metric.result()
        return {f"recall@{k}": float(v) for k, v in zip(self._cutoffs, values, strict=True)}


def _known_items(model: RankingModel) -> int:
    return next(table.vocabulary_size for table, name in model.id_tables() if name == "items")


def require_recommenders() -> Any:
    """The package, on `tf.keras` of version 2.

    Raises:
        InputError: if it is not installed, or the process has loaded another `tf.keras`.
    """
    os.environ.setdefault(_SWITCH, "1")
    try:
        version = getattr(tf.keras, "version", None)
        if version is not None and version().startswith("3."):
            raise InputError(
                f"TensorFlow Recommenders needs `tf.keras` of version 2, received {version()}: "
                "something used `tf.keras` in this process before. "
                f"Set {_SWITCH}=1 in the environment before Python starts."
            )
        import tensorflow_recommenders
    except ImportError as error:
        raise InputError(
            f"retrieval needs TensorFlow Recommenders, which cannot be imported ({error}). "
            "Install it: pip install tensorflow-recommenders tf-keras"
        ) from error
    return tensorflow_recommenders
