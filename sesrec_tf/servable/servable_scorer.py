"""Scoring a split through a SavedModel, raw ids in, as a client would."""

from __future__ import annotations

import filecmp
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import VOCABULARIES, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.scoring import ScoredSplit, stack
from sesrec_tf.schema import request_shapes
from sesrec_tf.servable.raw_requests import RawRequests
from sesrec_tf.servable.servable import input_specs, request_widths
from sesrec_tf.signatures import SCORES, SERVING_DEFAULT
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.version_layout import SAVED_MODEL_FILE

Array = npt.NDArray[Any]


class ServableScorer:
    """The counterpart of `SplitScorer` for what was exported; its logits should be the same.

    Args:
        path: the version's directory, `BASE/<version>`.
        run: the run it was exported from.
        prepared: the data set, with the vocabularies of the run.
        batch_size: users a batch.

    Raises:
        InputError: if `path` holds no SavedModel, or one of another run.
    """

    def __init__(
        self, path: str | Path, run: RunDirectory, prepared: PreparedDataset, batch_size: int = 256
    ) -> None:
        path = Path(path)
        self._prepared = prepared
        self._history = request_widths(run.config.history, run.dataset.history)
        self._batch_size = batch_size
        # The object owns the variables and tables of its signatures.
        self._servable = _load(path)
        self._check_signature(path)
        _require_same_vocabularies(path, prepared)
        self._requests = RawRequests(prepared)

    def __call__(
        self, split: str, progress: Callable[[Iterable[Any]], Iterable[Any]] = iter
    ) -> ScoredSplit:
        """Scores `valid` or `test`; `progress` may wrap the iteration over batches."""
        batches = evaluation_batches(self._prepared, split, self._history, self._batch_size)
        signature = self._servable.signatures[SERVING_DEFAULT]
        logits, features = [], []
        with records_checked(self._prepared, split):
            for batch in progress(batches):
                arrays = {name: value.numpy() for name, value in batch.items()}
                request = self._requests(arrays)
                inputs = {name: tf.constant(value, tf.string) for name, value in request.items()}
                logits.append(signature(**inputs)[SCORES].numpy())
                features.append(arrays)
        return ScoredSplit(np.concatenate(logits), stack(features))

    def _check_signature(self, path: Path) -> None:
        expected = input_specs(request_shapes(self._history))
        signatures = self._servable.signatures
        received = {}
        if SERVING_DEFAULT in signatures:
            received = signatures[SERVING_DEFAULT].structured_input_signature[1]
        if received != expected:
            raise InputError(
                f"{path} is no servable of this run: its signature {SERVING_DEFAULT} should take "
                f"{_words(expected)}. Received: {_words(received)}. Export the run with "
                "`python -m sesrec_tf.export`."
            )


def _load(path: Path) -> Any:
    if not (path / SAVED_MODEL_FILE).is_file():
        raise InputError(
            f"{path} holds no SavedModel: expected the directory of a version, BASE/<version>. "
            "Export one with `python -m sesrec_tf.export`."
        )
    try:
        return tf.saved_model.load(str(path))
    except (OSError, ValueError, KeyError, tf.errors.OpError) as error:
        raise InputError(f"cannot load {path}: {error} Export the run again.") from error


def _require_same_vocabularies(path: Path, prepared: PreparedDataset) -> None:
    for name in VOCABULARIES:
        file = prepared.vocabulary_file(name)
        asset = path / "assets" / file.name
        if not asset.exists() and getattr(prepared.sizes, name) == 0:
            continue
        if not asset.is_file() or not filecmp.cmp(asset, file, shallow=False):
            raise InputError(
                f"{path} does not fit the data set {prepared.path}: expected the asset "
                f"{asset.name} to be its vocabulary of {name}. Use the data the run was trained "
                "on, or export the run again."
            )


def _words(specs: dict[str, tf.TensorSpec]) -> str:
    return ", ".join(f"{name} {spec.shape}" for name, spec in sorted(specs.items())) or "nothing"
