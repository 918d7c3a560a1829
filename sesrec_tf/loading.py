"""Trained models back from their run directories."""

from __future__ import annotations

from pathlib import Path

import keras
import pyarrow.parquet as pq

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.schema import FIRST_KNOWN
from sesrec_tf.training.run_directory import RunDirectory


def load(run_directory: str | Path) -> RankingModel:
    """The model of a run with its best weights, in float32 whatever it was trained in.

    The run directory is enough: the data it was trained on is not read.

    Args:
        run_directory: what `python -m sesrec_tf.train --run-dir DIR` wrote.

    Raises:
        InputError: if there is no run, no finished epoch, or its files do not fit together.
    """
    run = RunDirectory.open(run_directory)
    _require_fitting_tables(run.dataset)
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("float32")
    try:
        model = create_model(run.config, run.dataset)
    finally:
        keras.config.set_dtype_policy(policy)
    run.checkpoints.restore_best(model)
    return model


def _require_fitting_tables(dataset: PreparedDataset) -> None:
    """Raises an InputError unless the constant tables have a row for every index."""
    for name in ("items", "users"):
        file = dataset.path / "tables" / f"{name}.parquet"
        try:
            rows = pq.read_metadata(file).num_rows
        except (OSError, ValueError) as error:
            raise InputError(
                f"cannot read {file}: {error}. Use a complete run directory."
            ) from error
        expected = getattr(dataset.sizes, name) + FIRST_KNOWN
        if rows != expected:
            raise InputError(
                f"{file} has {rows} rows, expected {expected} for the vocabulary of "
                f"{expected - FIRST_KNOWN} {name}. Use the files of one and the same run."
            )
