"""Vocabularies: which raw ids have an index of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN


@dataclass(frozen=True)
class Vocabulary:
    """The known ids of one kind, most frequent first, equal counts by code point.

    Attributes:
        ids: raw ids; element n has index n + 2.
        index: `[codes]` int32, index of every id of the log by its code, 1 where unknown.
        code: `[size]` code of each known id, the inverse of `index`.
    """

    ids: pa.Array
    index: npt.NDArray[np.int32]
    code: npt.NDArray[np.int64]

    @classmethod
    def from_counts(
        cls, ids: pa.Array, counts: npt.NDArray[np.int64], min_count: int = 1
    ) -> Vocabulary:
        """Keeps the ids with at least `min_count` occurrences.

        Args:
            ids: all distinct ids of the log, sorted; the place of an id is its code.
            counts: `[codes]` occurrences in training rows.
            min_count: at least 1.
        """
        order = np.argsort(-counts, kind="stable")
        code = order[counts[order] >= max(min_count, 1)]
        index = np.full(len(counts), UNKNOWN, np.int32)
        index[code] = np.arange(len(code), dtype=np.int32) + FIRST_KNOWN
        return cls(ids=ids.take(pa.array(code, pa.int64())), index=index, code=code)

    def __len__(self) -> int:
        return len(self.code)

    def save(self, path: Path) -> None:
        """Writes one raw id a line, UTF-8, every line ended by "\\n"."""
        with path.open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(f"{text}\n" for text in self.ids.to_pylist())
