"""Item and query vectors for TensorBoard's embedding projector."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.files import new_file
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.schema import FIRST_KNOWN

Tensor = Any

MAX_ROWS = 10_000
CONFIG_FILE = "projector_config.pbtxt"
FOLDER = "projector"
NO_VALUE = "unknown"


@dataclass(frozen=True)
class _Vectors:
    """One tensor of the projector.

    Attributes:
        name: as the projector shows it.
        metadata: one row per vector, the label first.
        embed: gives the vectors `[rows, d]`.
    """

    name: str
    metadata: pd.DataFrame
    embed: Callable[[], Tensor]


class Projector:
    """Writes what TensorBoard's projector shows of a model.

    The vectors are the projected items `ê^i` and queries `ê^q` (1), in the space in which the
    alignment compares them. Each has at most 10,000 rows, the most frequent in training. Which
    rows are shown and their metadata depend on the data alone, so that only vectors change from
    one call to the next.

    Args:
        directory: of the run's event files.
        model: a model; queries are left out if it has no `embed_queries(ids, words)`.
        prepared: the data it is trained on.
        query_words: `L`, words per query of the model.
    """

    def __init__(
        self, directory: Path, model: RankingModel, prepared: PreparedDataset, query_words: int
    ) -> None:
        self._directory = directory
        self._tensors = [_items(model.embed_items, prepared)]
        if hasattr(model, "embed_queries") and prepared.sizes.queries:
            self._tensors.append(_queries(model.embed_queries, prepared, query_words))

    def write(self) -> None:
        """Writes vectors and metadata, then the file that announces them."""
        for tensor in self._tensors:
            vectors = np.asarray(tensor.embed(), np.float32)
            with new_file(self._directory / _tensor_path(tensor.name)) as path:
                np.savetxt(path, vectors, fmt="%.6g", delimiter="\t")
            with new_file(self._directory / _metadata_path(tensor.name)) as path:
                path.write_text(_tsv(tensor.metadata), "utf-8")
        if self._tensors:
            with new_file(self._directory / CONFIG_FILE) as path:
                path.write_text(
                    "".join(_announcement(each.name) for each in self._tensors), "utf-8"
                )


def _items(embed: Callable[[Tensor], Tensor], prepared: PreparedDataset) -> _Vectors:
    """`item_id` and `count` are names that no attribute can have."""
    rows = _most_frequent(prepared.item_counts[FIRST_KNOWN:])
    ids = (rows + FIRST_KNOWN).astype(np.int32)
    columns = {"item_id": _take(prepared.vocabulary("items"), rows)}
    for number, (name, _) in enumerate(prepared.sizes.item_attributes):
        values = [NO_VALUE] * FIRST_KNOWN + prepared.vocabulary(f"item_{name}")
        columns[name] = _take(values, prepared.item_attributes[ids, number])
    columns["count"] = _take(prepared.item_counts, ids)
    return _Vectors("items", pd.DataFrame(columns), lambda: embed(ids))


def _queries(
    embed: Callable[[Tensor, Tensor], Tensor], prepared: PreparedDataset, query_words: int
) -> _Vectors:
    ids, words, counts = prepared.query_table
    rows = _most_frequent(counts)
    ids, words = ids[rows], words[rows, :query_words]
    texts = prepared.table("queries")["text"].to_numpy(object)
    columns = {"query": texts[rows], "count": counts[rows]}
    return _Vectors("queries", pd.DataFrame(columns), lambda: embed(ids, words))


def _most_frequent(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Rows by falling count, the earlier first at equal counts."""
    return np.argsort(-counts, kind="stable")[:MAX_ROWS]


def _take(values: Any, rows: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(values, object)[rows]


def _tsv(frame: pd.DataFrame) -> str:
    """Header and rows; the format has no quoting, so separators in a text become spaces."""
    cells = frame.astype(str).replace(r"[\t\r\n]", " ", regex=True)
    rows = [list(cells.columns), *cells.to_numpy().tolist()]
    return "".join("\t".join(row) + "\n" for row in rows)


def _announcement(name: str) -> str:
    """One tensor of a `ProjectorConfig` in text format."""
    return (
        "embeddings {\n"
        f'  tensor_name: "{name}"\n'
        f'  tensor_path: "{_tensor_path(name)}"\n'
        f'  metadata_path: "{_metadata_path(name)}"\n'
        "}\n"
    )


def _tensor_path(name: str) -> str:
    return f"{FOLDER}/{name}.tsv"


def _metadata_path(name: str) -> str:
    return f"{FOLDER}/{name}_metadata.tsv"
