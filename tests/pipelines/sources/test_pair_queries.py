from __future__ import annotations

from collections import Counter

import numpy as np
import pyarrow as pa
import pytest

from pipelines.sources.pair_queries import Integers, PairQueries


class ByNumber(PairQueries):
    """Item n has the queries 0 to n - 1."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__(pa.array(["zero", "one", "two"]), np.arange(3), seed)

    def lists(self, users: pa.Array, items: pa.Array) -> tuple[Integers, Integers]:
        lengths = np.array([int(item) for item in items.to_pylist()], np.int64)
        return np.zeros(len(lengths), np.int64), lengths


def draw(queries: PairQueries, pairs: list[tuple[str, str]]) -> list[str | None]:
    users, items = (pa.array(list(ids), pa.string()) for ids in zip(*pairs, strict=True))
    return queries.draw(users, items).to_pylist()


PAIRS = [(f"u{n // 3}", str(1 + n % 3)) for n in range(3000)]


def test_a_pair_without_queries_gets_none() -> None:
    assert draw(ByNumber(), [("u", "0"), ("u", "1"), ("v", "0")]) == [None, "zero", None]


def test_the_draw_depends_on_nothing_but_seed_and_pair() -> None:
    queries = ByNumber()
    expected = dict(zip(PAIRS, draw(queries, PAIRS), strict=True))
    shuffled = [PAIRS[place] for place in np.random.default_rng(0).permutation(len(PAIRS))]
    assert dict(zip(shuffled, draw(queries, shuffled), strict=True)) == expected
    assert draw(queries, PAIRS[7:9]) == [expected[pair] for pair in PAIRS[7:9]]
    assert draw(ByNumber(seed=1), PAIRS) != list(expected.values())


def test_the_draw_is_the_hash_that_it_says() -> None:
    # `b2sum -l 64`, first byte lowest, modulo the queries: a change here changes everybody's data.
    pairs = [("A1", "3"), ("A2", "3"), ("A1", "2")]
    assert draw(ByNumber(seed=7), pairs) == ["zero", "one", "one"]


def test_every_query_is_as_likely() -> None:
    counts = Counter(draw(ByNumber(), [pair for pair in PAIRS if pair[1] == "3"]))
    # 1000 draws of 3: 333 each, standard deviation 15.
    assert all(counts[text] == pytest.approx(333, abs=75) for text in ("zero", "one", "two"))
