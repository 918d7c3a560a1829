"""Writes a small UniSAR package as its authors publish it."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NEGATIVES = list(range(101, 200))

# Items, sessions and words count from 1, users from 0.
USERS: dict[Any, dict[str, Any]] = {
    0: {
        "rec_his": [1, 2, 3, 4],
        "rec_his_ts": [10, 20, 30, 40],
        "src_session_his": [1, 2],
        "src_session_his_ts": [15, 35],
    },
    1: {
        "rec_his": [4, 2],
        "rec_his_ts": [10, 12],
        "src_session_his": [1],
        "src_session_his_ts": [12],
    },
}


def sessions() -> dict[str, np.ndarray]:
    """Two sessions below the row of padding."""
    keyword, items = np.zeros((3, 50), np.int64), np.zeros((3, 5), np.int64)
    keyword[1, :2] = 8, 9
    keyword[2, :1] = 7
    items[1, :2] = 2, 1
    return {"keyword": keyword, "pos_items": items}


def item_arrays() -> dict[str, np.ndarray]:
    """By item, the row of padding included."""
    return {
        "item_id": np.arange(5),
        "caption": np.ones((5, 50), np.int64),
        "first_level_category_id": np.asarray([0, 3, 3, 1, 2]),
    }


def user_arrays() -> dict[str, np.ndarray]:
    """By user."""
    return {"user_id": np.arange(2), "onehot_feat1": np.asarray([5, 6])}


def frame(*rows: tuple[int, int, int, int], negatives: list[int] = NEGATIVES) -> pd.DataFrame:
    """Instances: user, item, earlier interactions, earlier searches."""
    columns = ["user_id", "item_id", "rec_his", "src_session_his"]
    result = pd.DataFrame(np.asarray(rows, np.int64).reshape(-1, 4), columns=columns)
    result["neg_items"] = [negatives] * len(result)
    return result


TRAIN = frame((0, 2, 1, 0), (1, 2, 1, 0), negatives=[5, 6, 7, 8])
VALID = frame((0, 3, 2, 1))
TEST = frame((0, 4, 3, 2))


def write_package(
    directory: Path,
    *,
    users: Mapping[Any, Any] = USERS,
    train: pd.DataFrame = TRAIN,
    valid: pd.DataFrame = VALID,
    test: pd.DataFrame = TEST,
    **vocabularies: Mapping[str, np.ndarray],
) -> Path:
    """Writes all files that are read; the directory."""
    contents = {
        "user_vocab": users,
        "user_vocab_np": user_arrays(),
        "item_vocab_np": item_arrays(),
        "src_session_vocab_np": sessions(),
        **vocabularies,
    }
    (directory / "vocab").mkdir(parents=True)
    for name, content in contents.items():
        (directory / "vocab" / f"{name}.pkl").write_bytes(pickle.dumps(content, 4))
    (directory / "dataset").mkdir()
    for name, rows in (("train", train), ("val", valid), ("test", test)):
        rows.to_pickle(directory / "dataset" / f"rec_{name}.pkl")
    return directory
