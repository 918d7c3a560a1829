"""Batches of indices back as the raw requests they came from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.prepared import VOCABULARIES, PreparedDataset
from sesrec_tf.data.query_words import SEPARATOR
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    PADDING,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    UNKNOWN,
    USER,
)

Array = npt.NDArray[Any]

UNKNOWN_TEXT = "\n"
"""Stands for an unknown id or word: a vocabulary file cannot hold it, for it ends a line."""

_VOCABULARIES = {
    USER: "users",
    REC_ITEMS: "items",
    CLICKED_ITEMS: "items",
    CANDIDATES: "items",
}


class RawRequests:
    """Strings that the serving graph maps to exactly the given indices.

    Unknown ids have lost their text and become `UNKNOWN_TEXT`. A session without a known source
    has an empty one. The text of an unknown query is made of the words it has; where those words
    happen to spell a known query (its first words only, or the same words spaced otherwise),
    spaces at the end keep it unknown, for they belong to the text but to no word.

    Args:
        prepared: the vocabularies.
    """

    def __init__(self, prepared: PreparedDataset) -> None:
        self._texts = {name: _texts(prepared.vocabulary(name)) for name in VOCABULARIES}
        self._queries = frozenset(self._texts["queries"])

    def __call__(self, batch: dict[str, Array]) -> dict[str, Array]:
        """String arrays as in `schema.request_shapes`.

        Args:
            batch: int32 arrays as in `schema.batch_shapes`; further features are left out.
        """
        sources = batch[QUERY_SOURCES]
        return {
            **{name: self._texts[kind][batch[name]] for name, kind in _VOCABULARIES.items()},
            QUERIES: self._query_texts(batch[QUERIES], batch[QUERY_WORDS]),
            QUERY_SOURCES: np.where(sources == UNKNOWN, "", self._texts["sources"][sources]),
        }

    def _query_texts(self, queries: Array, words: Array) -> Array:
        texts = self._texts["queries"][queries]
        for row, session in np.argwhere(queries == UNKNOWN):
            of_query = words[row, session]
            text = SEPARATOR.join(self._texts["words"][of_query[of_query != PADDING]])
            while text in self._queries:
                text += SEPARATOR
            texts[row, session] = text
        return texts


def _texts(vocabulary: list[str]) -> Array:
    """`[size + 2]` the text of every index."""
    return np.array(["", UNKNOWN_TEXT, *vocabulary], np.object_)
