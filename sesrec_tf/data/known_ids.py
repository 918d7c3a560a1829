"""The known ids of a log, as every process needs them that builds records."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.arrow_files import read_table, write_table
from sesrec_tf.schema import FIRST_KNOWN, UNKNOWN, HistoryShape

KINDS = ("users", "items", "queries", "words", "sources")
_SHAPE_FILE = "shape.json"
_COUNT = "interactions"


@dataclass(frozen=True)
class KnownIds:
    """Known ids in the order of their vocabularies, and the widths of the records.

    Attributes:
        shape: widths.
        users, items, queries, words, sources: raw ids; element n has index n + 2.
        item_interactions: `[items]` training interactions of each known item.
    """

    shape: HistoryShape
    users: pa.Array
    items: pa.Array
    queries: pa.Array
    words: pa.Array
    sources: pa.Array
    item_interactions: npt.NDArray[np.int64]

    def index(self, kind: str, ids: pa.Array) -> npt.NDArray[np.int32]:
        """Vocabulary indices of some ids, 1 where unknown.

        Args:
            kind: one of `KINDS`.
            ids: `[N]` large strings without nulls.
        """
        place = pc.index_in(ids, getattr(self, kind))
        index = pc.add(place, pa.scalar(FIRST_KNOWN, pa.int32()))
        return pc.fill_null(index, UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int32)

    def save(self, directory: Path) -> None:
        """Writes files that `open` maps into memory, once for all processes of a machine."""
        directory.mkdir()
        for kind in KINDS:
            columns = {"id": getattr(self, kind)}
            if kind == "items":
                columns[_COUNT] = pa.array(self.item_interactions)
            write_table(pa.table(columns), directory / f"{kind}.arrow")
        text = json.dumps(dataclasses.asdict(self.shape))
        (directory / _SHAPE_FILE).write_text(text, "utf-8")

    @classmethod
    def open(cls, directory: Path) -> KnownIds:
        """Reads what `save` wrote."""
        tables = {kind: read_table(directory / f"{kind}.arrow") for kind in KINDS}
        return cls(
            shape=HistoryShape(**json.loads((directory / _SHAPE_FILE).read_text("utf-8"))),
            item_interactions=tables["items"][_COUNT].to_numpy(),
            **{kind: table["id"].combine_chunks() for kind, table in tables.items()},
        )
