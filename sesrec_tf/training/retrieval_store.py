"""The retrieval head of a run, on disk."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from sesrec_tf.errors import InputError
from sesrec_tf.files import new_directory, write_json
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.models.variable_names import name_in_model
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.run_directory import HEAD_DIRECTORY, RunDirectory

METRICS_FILE = "metrics.json"

_CONFIG_FILE = "config.json"
_WEIGHTS_FILE = "weights.npz"
_AGAIN = "Train it again with `python -m sesrec_tf.retrieve --run {run} --force`."


def head_directory(run: RunDirectory) -> Path:
    """Where the head of a run stands, if it has one.

    Layout: `config.json` (the head's shape, its settings, and the ranking weights it belongs to),
    `weights.npz` (by name), `metrics.json`.
    """
    return run.path / HEAD_DIRECTORY


def save_head(
    run: RunDirectory, head: RetrievalHead, config: RetrievalConfig, metrics: dict[str, Any]
) -> None:
    """Stores a head by rename, replacing another one."""
    with new_directory(head_directory(run), replace=True) as path:
        arrays = {name_in_model(weight.path): weight.numpy() for weight in head.weights}
        np.savez(path / _WEIGHTS_FILE, **arrays)
        values = {
            "layer": head.get_config(),
            "users_width": head.user_hidden.kernel.shape[0],
            "items_width": head.item_hidden.kernel.shape[0],
            "training": dataclasses.asdict(config),
            "ranking": _ranking(run),
        }
        write_json(path / _CONFIG_FILE, values)
        write_json(path / METRICS_FILE, metrics)


def load_head(run: RunDirectory) -> RetrievalHead | None:
    """The head of a run, or `None` if none was trained. Needs no TensorFlow Recommenders.

    Raises:
        InputError: if its files are damaged, or it was trained on other weights of the ranking
            model than the run's best.
    """
    path = head_directory(run)
    if not path.exists():
        return None
    try:
        config = json.loads((path / _CONFIG_FILE).read_text("utf-8"))
        if config["ranking"] != _ranking(run):
            raise InputError(
                f"the retrieval head in {path} was trained on {config['ranking']}, expected "
                f"{_ranking(run)}, what the run holds now. {_AGAIN.format(run=run.path)}"
            )
        head = RetrievalHead.from_config(config["layer"])
        head.build((None, config["users_width"]), (None, config["items_width"]))
        with np.load(path / _WEIGHTS_FILE, allow_pickle=False) as arrays:
            for weight in head.weights:
                weight.assign(arrays[name_in_model(weight.path)])
    except InputError:
        raise
    except (OSError, KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the retrieval head in {path} is damaged ({error}). {_AGAIN.format(run=run.path)}"
        ) from error
    return head


def _ranking(run: RunDirectory) -> dict[str, Any]:
    """The ranking weights that `load` gives, and their data."""
    digest = hashlib.sha256()
    for file in run.checkpoints.best_files():
        digest.update(f"{file.parent.name}/{file.name} ".encode())
        digest.update(file.read_bytes())
    return {"weights": digest.hexdigest(), "data": run.content_hash}
