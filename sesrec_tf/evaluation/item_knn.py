"""The item-kNN ranker: similarity of items by the users they share."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.item_users import ItemUsers
from sesrec_tf.schema import FIRST_KNOWN

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

CHUNK_VALUES = 4_000_000
"""Doubles held for one chunk of instances, 32 MB."""

ROUNDING = 1e-9
"""Below this a sum of cosines is 0: a cosine of two items with 10^4 users each is at least 1e-4."""


class ItemKnnRanker:
    """Scores a candidate by its summed cosine similarity to the items of the history.

    Candidates without any similarity come after the others, in order of popularity.

    The similarity of two distinct items is the cosine of their columns in the binary user-item
    matrix of the training rows; an item's similarity to itself is 0, as is that of the unknown
    item. The similarities of a candidate to a history are summed over users first:

        sum over h of |U(c) & U(h)| / sqrt(|U(c)| |U(h)|)
            = 1 / sqrt(|U(c)|) * sum over users u in U(c) of w(u),
        w(u) = sum over h with u in U(h) of 1 / sqrt(|U(h)|)

    so that no item-item matrix is ever built.

    Args:
        users, items: `[n]` indices of the training (user, item) pairs; repeats count once.
        num_items: rows of the item table, padding and unknown included.
        search_clicks: whether the clicked items of a history count beside its feed items.
    """

    def __init__(
        self,
        users: npt.ArrayLike,
        items: npt.ArrayLike,
        num_items: int,
        search_clicks: bool = False,
    ) -> None:
        self.search_clicks = search_clicks
        self._item_users = ItemUsers(users, items, num_items)
        with np.errstate(divide="ignore"):
            weight = 1 / np.sqrt(self._item_users.counts)
        self._weight = np.where(self._item_users.counts > 0, weight, 0.0)

    @classmethod
    def from_dataset(cls, prepared: PreparedDataset, search_clicks: bool = False) -> ItemKnnRanker:
        """From the training rows of a prepared data set.

        Args:
            prepared: the data set.
            search_clicks: whether clicks count as interactions, in training rows and histories.
        """
        table = prepared.table("interactions")
        table = table[table["training"]]
        users, items = [table["user"].to_numpy()], [table["item"].to_numpy()]
        if search_clicks:
            table = prepared.table("searches")
            table = table[table["training"]]
            clicks = table["clicked_items"].to_list()
            lengths = [len(clicked) for clicked in clicks]
            users.append(np.repeat(table["user"].to_numpy(), lengths))
            items.append(np.concatenate([np.zeros(0, np.int64), *clicks]))
        num_items = prepared.sizes.items + FIRST_KNOWN
        return cls(np.concatenate(users), np.concatenate(items), num_items, search_clicks)

    def score(
        self, rec_items: npt.ArrayLike, clicked_items: npt.ArrayLike, candidates: npt.ArrayLike
    ) -> FloatArray:
        """Scores candidates.

        Args:
            rec_items: `[N, T_r]` item indices of the feed history, 0 at padding.
            clicked_items: `[N, T_s, C]` item indices clicked in the search history.
            candidates: `[N, K]` item indices.

        Returns:
            `[N, K]` float64 scores: the summed similarity where it is positive, elsewhere a
            value in [-1, 0) that grows with the number of users of the candidate.
        """
        history = np.asarray(rec_items, np.int64)
        if self.search_clicks:
            clicks = np.asarray(clicked_items, np.int64)
            history = np.concatenate([history, clicks.reshape(len(clicks), -1)], axis=1)
        targets = np.asarray(candidates, np.int64)
        scores = np.empty(targets.shape)
        for chunk in self._chunks(len(targets)):
            scores[chunk] = self._score(history[chunk], targets[chunk])
        return scores

    def _chunks(self, instances: int) -> Iterator[slice]:
        size = max(1, CHUNK_VALUES // max(1, self._item_users.num_users))
        for start in range(0, instances, size):
            yield slice(start, start + size)

    def _score(self, history: IntArray, candidates: IntArray) -> FloatArray:
        """Scores of one chunk: `[n, T]` history and `[n, K]` candidates to `[n, K]`."""
        size, width = len(history), self._item_users.num_users
        rows = np.repeat(np.arange(size), history.shape[1])
        owner, users = self._item_users.expand(history.reshape(-1))
        user_weights = np.bincount(
            rows[owner] * width + users, self._weight[history.reshape(-1)][owner], size * width
        )
        flat = candidates.reshape(-1)
        rows = np.repeat(np.arange(size), candidates.shape[1])
        owner, users = self._item_users.expand(flat)
        shared = np.bincount(owner, user_weights[rows[owner] * width + users], len(flat))
        own = (history[:, :, None] == candidates[:, None, :]).sum(axis=1)
        # A candidate found in its own history met itself with cosine 1 each time.
        scores = (shared * self._weight[flat]).reshape(candidates.shape) - own
        return np.where(scores > ROUNDING, scores, -1 / (1 + self._item_users.counts[candidates]))
