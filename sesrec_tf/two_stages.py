"""Two stages in one graph: retrieve items of the catalogue, then rank them."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.retrieval import RetrievalIndex
from sesrec_tf.schema import PADDING
from sesrec_tf.signatures import PADDED_SCORE

Tensor = Any


class TwoStages:
    """The best `k` of the `N` items that the index retrieves, the request's own left out.

    Args:
        model: ranks.
        head: gives queries to the index.
        index: of the model's items, see `build_index`; retrieves `N`.
        top_k: `k`, at most `N`.

    Attributes:
        head, top_k: as given.
        retrieve: `N`, at most the number of items.
        resources: what an archive that calls this has to track beside the model.

    Raises:
        InputError: if `k` is not in [1, N].
    """

    def __init__(
        self, model: RankingModel, head: RetrievalHead, index: RetrievalIndex, top_k: int
    ) -> None:
        if not 1 <= top_k <= index.retrieve:
            raise InputError(
                f"`top_k` should be in [1, {index.retrieve}], the number of items retrieved. "
                f"Received: {top_k}. Choose a smaller --top-k or a larger --retrieve."
            )
        self._model = model
        self.head = head
        self._index = index
        self.retrieve = min(index.retrieve, index.items)
        self.top_k = top_k
        self.resources: list[Any] = [head, *index.variables]

    def __call__(self, batch: dict[str, Tensor], seen: Tensor) -> tuple[Tensor, Tensor]:
        """Recommends for encoded requests.

        Args:
            batch: of `schema.batch_shapes`, without candidates.
            seen: int32 `[B, S]`, items to leave out, such as `seen_items(batch)`.

        Returns:
            Items int32 `[B, k]` by falling logit, 0 where there are too few, and logits float32
            `[B, k]`, `PADDED_SCORE` there.
        """
        items, logits = self.ranked(batch, seen)
        logits, order = tf.math.top_k(logits, min(self.top_k, self.retrieve))
        fill = [[0, 0], [0, self.top_k - logits.shape[1]]]
        items = tf.pad(tf.gather(items, order, batch_dims=1), fill, constant_values=PADDING)
        return items, tf.pad(logits, fill, constant_values=PADDED_SCORE)

    def ranked(self, batch: dict[str, Tensor], seen: Tensor) -> tuple[Tensor, Tensor]:
        """All retrieved items `[B, N]`, in the index's order, and their logits `[B, N]`."""
        state = self._model.encode(batch, training=False)
        queries = self.head.user_vectors(self._model.pooled_user(state))
        items = self._index(queries, seen)
        logits = tf.cast(self._model.score(state, items, training=False), tf.float32)
        return items, tf.where(items == PADDING, PADDED_SCORE, logits)
