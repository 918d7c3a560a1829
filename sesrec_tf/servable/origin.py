"""Which model a published version holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import sesrec_tf
from sesrec_tf.files import write_json
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.two_stages import TwoStages
from sesrec_tf.version_layout import ORIGIN_FILE, version_number


def write_origin(
    path: Path,
    model: RankingModel,
    run: RunDirectory,
    two_stages: TwoStages | None = None,
) -> None:
    """Adds the file to a SavedModel.

    Args:
        path: directory of the SavedModel.
        model: what it holds.
        run: whose settings and data the model was built with.
        two_stages: of its signature `recommend`, if it has one.
    """
    file = path / ORIGIN_FILE
    file.parent.mkdir(exist_ok=True)
    write_json(file, _origin(model, run, two_stages))


def find_version(base: Path, model: RankingModel, run: RunDirectory) -> Path | None:
    """The newest version under `base` of this very model without `recommend`, if there is one."""
    origin = _origin(model, run, None)
    same = {
        version_number(file.parts[-3]): file.parents[1]
        for file in base.glob(f"*/{ORIGIN_FILE}")
        if json.loads(file.read_text("utf-8")) == origin
    }
    numbers = [number for number in same if number is not None]
    return same[max(numbers)] if numbers else None


def _origin(model: RankingModel, run: RunDirectory, two_stages: TwoStages | None) -> dict[str, Any]:
    settings = run.config.to_dict()
    return {
        "sesrec_tf": sesrec_tf.__version__,
        "data": run.content_hash,
        "history": settings["history"],
        "model": settings["model"],
        "weights": _digest(model.weights),
        "recommend": None if two_stages is None else _recommend(two_stages),
    }


def _recommend(two_stages: TwoStages) -> dict[str, Any]:
    return {
        "top_k": two_stages.top_k,
        "retrieve": two_stages.retrieve,
        "weights": _digest(two_stages.head.weights),
    }


def _digest(variables: Sequence[Any]) -> str:
    """SHA-256 of every weight, with its name and shape."""
    digest = hashlib.sha256()
    for variable in variables:
        value = np.ascontiguousarray(variable.numpy())
        digest.update(f"{name_in_model(variable.path)} {value.dtype} {value.shape}\n".encode())
        digest.update(value.tobytes())
    return digest.hexdigest()
