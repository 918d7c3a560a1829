"""Queries made from the category paths of products."""

from __future__ import annotations

from collections.abc import Set

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.amazon_metadata import CategoryPath, Metadata
from pipelines.sources.amazon_terms import QueryTerms
from pipelines.sources.pair_queries import Integers, PairQueries

_NO_QUERY = -1


class CategoryQueries(PairQueries):
    """The queries of an item: one for each of its category paths of at least two levels.

    The levels are joined and become terms (`QueryTerms`); terms outside the vocabulary go, then
    of a term that stands twice the last occurrence stays. Reference: Ai et al., Learning a
    Hierarchical Embedding Model for Personalized Product Search, SIGIR 2017, after Van Gysel et
    al., CIKM 2016.
    """

    def __init__(
        self, metadata: Metadata, terms: QueryTerms, vocabulary: Set[str], seed: int
    ) -> None:
        """Makes the queries of all products.

        Args:
            metadata: of the products.
            terms: the rule from text to terms.
            vocabulary: terms that a query may hold.
            seed: of the draw among the queries of an item.
        """
        texts = [_query(path, terms, vocabulary) for path in metadata.paths]
        places = {text: place for place, text in enumerate(dict.fromkeys(filter(None, texts)))}
        by_path = np.array([places.get(text, _NO_QUERY) for text in texts], np.int64)
        item, codes = _distinct(metadata.path_offsets, by_path[metadata.path_codes])
        super().__init__(pa.array(places, pa.string()), codes, seed)
        self._item_ids = metadata.item_ids
        counts = np.bincount(item, minlength=len(self._item_ids))
        self._offsets = np.concatenate([[0], np.cumsum(counts)])

    def lists(self, users: pa.Array, items: pa.Array) -> tuple[Integers, Integers]:
        """See the base class; the user makes no difference."""
        known = pc.index_in(items, value_set=self._item_ids)
        place = pc.fill_null(known, 0).to_numpy()
        lengths = np.diff(self._offsets)[place]
        lengths[known.is_null().to_numpy(zero_copy_only=False)] = 0
        return self._offsets[place], lengths


def _query(path: CategoryPath, terms: QueryTerms, vocabulary: Set[str]) -> str:
    """The query of one path, "" for none."""
    if len(path) < 2:
        return ""
    return " ".join(term for term in terms(" ".join(path)) if term in vocabulary)


def _distinct(offsets: Integers, codes: Integers) -> tuple[Integers, Integers]:
    """Lists without empty queries and repetitions: the list and the code of every entry."""
    row = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    row, codes = row[codes != _NO_QUERY], codes[codes != _NO_QUERY]
    _, first = np.unique(np.stack([row, codes]), axis=1, return_index=True)
    kept = np.sort(first)
    return row[kept], codes[kept]
