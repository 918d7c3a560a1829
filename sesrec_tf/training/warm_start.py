"""Starting from an earlier run: rows carried over by raw id."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.layers.id_embedding import IdEmbedding
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.schema import FIRST_KNOWN, PADDING, UNKNOWN
from sesrec_tf.training.run_directory import RunDirectory


@dataclass(frozen=True)
class Carried:
    """How much came over.

    Attributes:
        rows, new_rows: table rows found in the earlier run by raw id, and those that were not
            and start from its unknown row.
    """

    rows: int
    new_rows: int

    def __str__(self) -> str:
        return f"{self.rows:,} table rows carried over, {self.new_rows:,} new"


def warm_start(model: RankingModel, earlier: RunDirectory, prepared: PreparedDataset) -> Carried:
    """Loads the best weights of an earlier run into a model of newer data.

    Ids known to both keep their vectors; new ids start from the earlier unknown row, or, in
    tables without one, keep their fresh initial values. All other weights are copied.

    Args:
        model: the new model, built for `prepared`.
        earlier: the run to start from.
        prepared: the newer data set.

    Raises:
        InputError: if the two runs differ in anything but their vocabularies.
    """
    old_model = load(earlier.path)
    old = {name_in_model(layer.path): layer for layer, _ in old_model.id_tables()}
    tables = _table_ids(old_model) | _table_ids(model)
    _require_same_shape(old_model, model, tables, earlier)
    for source, target in zip(
        old_model.trainable_variables, model.trainable_variables, strict=True
    ):
        if id(target) not in tables:
            target.assign(source)
    rows = new_rows = 0
    for layer, vocabulary in model.id_tables():
        found = _rows_of(earlier.dataset.vocabulary(vocabulary), prepared.vocabulary(vocabulary))
        _carry(old[name_in_model(layer.path)], layer, found)
        rows += int((found >= FIRST_KNOWN).sum())
        new_rows += int((found == UNKNOWN).sum()) - 1
    return Carried(rows, new_rows)


def _table_ids(model: RankingModel) -> set[int]:
    return {id(layer.table) for layer, _ in model.id_tables()}


def _rows_of(old: list[str], new: list[str]) -> npt.NDArray[np.int64]:
    """Index in the old vocabulary of every index of the new one; unknown where absent."""
    known = {name: index + FIRST_KNOWN for index, name in enumerate(old)}
    return np.array([PADDING, UNKNOWN, *(known.get(name, UNKNOWN) for name in new)])


def _carry(old: IdEmbedding, new: IdEmbedding, found: npt.NDArray[np.int64]) -> None:
    source = old.table.numpy()
    values = new.table.numpy()
    rows = found - old.first_row_index
    indices = np.arange(len(found)) - new.first_row_index
    carried = (indices >= 0) & (rows >= 0)
    if not old.unknown_row:
        carried &= found != UNKNOWN
    values[indices[carried]] = source[rows[carried]]
    new.table.assign(values)


def _require_same_shape(
    old: RankingModel, new: RankingModel, tables: set[int], earlier: RunDirectory
) -> None:
    shapes = [
        [
            (name_in_model(variable.path), tuple(variable.shape)[int(id(variable) in tables) :])
            for variable in model.trainable_variables
        ]
        for model in (old, new)
    ]
    if shapes[0] != shapes[1]:
        differing = sorted({str(one) for one in set(shapes[0]) ^ set(shapes[1])})
        raise InputError(
            f"the run {earlier.path} has another model: weights differ in {differing[:4]}. "
            "Expected the same widths and options; only vocabularies may differ. Use its "
            "config.yaml with --config."
        )
