"""Queries of the product search benchmark that was made from the same reviews."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.line_blocks import line_blocks, line_error
from pipelines.sources.pair_queries import Integers, PairQueries

_EXPECTED = "<reviewerID>_<query line from 0> 0 <asin> <0 or 1>"


class QrelsQueries(PairQueries):
    """The queries of a pair: those that its relevance judgements name.

    The judgements of the benchmark's training and test files are one set. A judgement of 0 and a
    query without words count for nothing. The files belong to the benchmark and are no logs: a bad
    line is an error, and no row is rejected for it.
    """

    def __init__(self, query_text: Path, qrels: Iterable[Path], seed: int) -> None:
        """Reads the files.

        Args:
            query_text: one query a line.
            qrels: relevance judgements, see `_EXPECTED`.
            seed: of the draw among the queries of a pair.

        Raises:
            InputError: naming the file and line that is no judgement, or whose query is missing.
        """
        texts = _query_texts(query_text)
        found = _Judgements()
        for path in qrels:
            for user, item, query in _judgements(path, len(texts)):
                if texts[query]:
                    found.add(user, item, query)
        keys, codes = found.sorted()
        self._keys, starts = np.unique(keys, return_index=True)
        self._offsets = np.append(starts, len(keys))
        self._users = pa.array(found.users, pa.string())
        self._items = pa.array(found.items, pa.string())
        super().__init__(pa.array(texts, pa.string()), codes, seed)

    def lists(self, users: pa.Array, items: pa.Array) -> tuple[Integers, Integers]:
        """See the base class."""
        user, item = (
            pc.fill_null(pc.index_in(ids, value_set=known), -1).to_numpy().astype(np.int64)
            for ids, known in ((users, self._users), (items, self._items))
        )
        key = _key(user, item)
        place = np.searchsorted(self._keys, key)
        judged = np.append(self._keys, -1)[place] == key
        judged &= (user >= 0) & (item >= 0)
        starts = self._offsets[place]
        ends = np.append(self._offsets, len(self.codes))[place + 1]
        return starts, np.where(judged, ends - starts, 0)


@dataclass
class _Judgements:
    """Judgements read so far, ids as numbers in the order of their appearance."""

    users: dict[str, int] = field(default_factory=dict)
    items: dict[str, int] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("q"))

    def add(self, user: str, item: str, query: int) -> None:
        self.rows.append(self.users.setdefault(user, len(self.users)))
        self.rows.append(self.items.setdefault(item, len(self.items)))
        self.rows.append(query)

    def sorted(self) -> tuple[Integers, Integers]:
        """Key of the pair, and query, of every judgement; ascending, none twice."""
        rows = np.array(self.rows, np.int64).reshape(-1, 3)
        key, query = _key(rows[:, 0], rows[:, 1]), rows[:, 2]
        order = np.lexsort((query, key))
        key, query = key[order], query[order]
        again = np.zeros(len(key), np.bool_)
        again[1:] = (key[1:] == key[:-1]) & (query[1:] == query[:-1])
        return key[~again], query[~again]


def _key(user: Integers, item: Integers) -> Integers:
    return (user << 32) + item


def _query_texts(path: Path) -> list[str]:
    """The words of every line, "" for a line without any."""
    texts: list[str] = []
    for block in line_blocks(path):
        for number, line in block.lines():
            texts += [""] * (number - 1 - len(texts))
            texts.append(" ".join(line.split()))
    return texts


def _judgements(path: Path, queries: int) -> Iterator[tuple[str, str, int]]:
    """User, item and query of every positive judgement."""
    for block in line_blocks(path):
        for number, line in block.lines():
            fields = line.split()
            user, _, query = fields[0].rpartition("_")
            well_formed = len(fields) == 4 and user and _is_number(query)
            if not (well_formed and fields[3] in ("0", "1")):
                raise line_error(path, number, "no relevance judgement", _EXPECTED, line)
            if int(query) >= queries:
                problem = f"there is no query {query}"
                raise line_error(path, number, problem, f"a query below {queries}", line)
            if fields[3] == "1":
                yield user, fields[2], int(query)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal()
