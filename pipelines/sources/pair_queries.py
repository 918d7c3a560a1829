"""One query of every (user, item) pair, drawn from those the pair may have."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Integers = npt.NDArray[np.int64]


class PairQueries(ABC):
    """Lists of queries, one of them drawn for every pair of a user and an item.

    The draw is a hash of (seed, user, item): it depends neither on the order of the pairs nor on
    the process.

    Attributes:
        texts: the query texts.
        codes: places in `texts`, the lists one after another.
        seed: of the draw.
    """

    def __init__(self, texts: pa.Array, codes: Integers, seed: int) -> None:
        self.texts = texts
        self.codes = codes
        self.seed = seed

    @abstractmethod
    def lists(self, users: pa.Array, items: pa.Array) -> tuple[Integers, Integers]:
        """Where in `codes` the list of every pair starts `[N]`, and its length `[N]`."""

    def draw(self, users: pa.Array, items: pa.Array) -> pa.Array:
        """The query of every pair `[N]`, null for a pair without any."""
        starts, lengths = self.lists(users, items)
        places = starts + self._choices(users, items, lengths)
        has_query = lengths > 0
        codes = np.zeros(len(places), np.int64)
        codes[has_query] = self.codes[places[has_query]]
        return self.texts.take(pa.array(codes, mask=~has_query))

    def _choices(self, users: pa.Array, items: pa.Array, lengths: Integers) -> Integers:
        """`[N]` numbers, each below its length, 0 where there is no choice."""
        choices = np.zeros(len(lengths), np.int64)
        rows = np.flatnonzero(lengths > 1)
        pairs = zip(users.take(rows).to_pylist(), items.take(rows).to_pylist(), strict=True)
        choices[rows] = [
            _hash(self.seed, user, item) % length
            for (user, item), length in zip(pairs, lengths[rows].tolist(), strict=True)
        ]
        return choices


def _hash(seed: int, user: str, item: str) -> int:
    key = f"{seed}\0{user}\0{item}".encode()
    return int.from_bytes(hashlib.blake2b(key, digest_size=8).digest(), "little")
