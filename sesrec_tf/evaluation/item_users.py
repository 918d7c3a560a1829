"""The users of every item, as a compressed sparse matrix."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sesrec_tf.schema import FIRST_KNOWN

IntArray = npt.NDArray[np.int64]


class ItemUsers:
    """A binary item-user matrix in compressed rows.

    Padding and unknown are left out on both sides: the unknown item is not one item, nor is the
    unknown user one user.

    Args:
        users, items: `[n]` indices of the pairs; repeats count once.
        num_items: rows of the item table, padding and unknown included.

    Attributes:
        num_users: columns, one more than the largest user index.
        counts: `[num_items]` distinct users of each item.
    """

    def __init__(self, users: npt.ArrayLike, items: npt.ArrayLike, num_items: int) -> None:
        user_index, item_index = np.asarray(users, np.int64), np.asarray(items, np.int64)
        known = (user_index >= FIRST_KNOWN) & (item_index >= FIRST_KNOWN)
        user_index, item_index = user_index[known], item_index[known]
        self.num_users = int(user_index.max(initial=0)) + 1
        pairs = np.unique(item_index * self.num_users + user_index)
        self._users = pairs % self.num_users
        self.counts = np.bincount(pairs // self.num_users, minlength=num_items)
        self._starts = np.concatenate([[0], np.cumsum(self.counts)])

    def expand(self, items: IntArray) -> tuple[IntArray, IntArray]:
        """The users of several items, one after the other.

        Args:
            items: `[m]` item indices.

        Returns:
            `owner [p]`, the position in `items` that each entry belongs to, and `users [p]`.
        """
        counts = self.counts[items]
        owner = np.repeat(np.arange(len(items)), counts)
        within = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
        return owner, self._users[self._starts[items][owner] + within]
