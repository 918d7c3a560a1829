"""Drawn logs in the package format of the official code."""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.speed.generated_logs import NEGATIVES, GeneratedLogs
from sesrec_tf.schema import FIRST_KNOWN

MOST_ITEMS = 1_000_000
"""Entries of its item vocabulary at most: every item takes a dictionary of about 300 bytes."""

# Its ids count from 1, 0 is padding; users and attributes count from 0.
_FROM_ONE, _FROM_ZERO = FIRST_KNOWN - 1, FIRST_KNOWN

_ITEM_ATTRIBUTES = {"type": "type1", "category": "cate"}
_USER_ATTRIBUTES = {"gender": "gender", "age": "age", "search_level": "src_level"}


def write_peer_package(directory: Path, logs: GeneratedLogs) -> None:
    """Writes `dataset/*.tsv` and `vocab/*.pickle` with the same instances and candidates.

    Of valid the first `peer_users` instances. Of catalogues above `MOST_ITEMS` the vocabulary
    holds the items that occur and an even selection of the others, which are only drawn as
    negatives of its alignment loss.

    Args:
        directory: to make.
        logs: what it holds.
    """
    for name in ("dataset", "vocab"):
        (directory / name).mkdir(parents=True)
    _write_instances(directory / "dataset", logs)
    for name, vocabulary in (
        ("user_vocab", _users(logs)),
        ("item_vocab", _items(logs)),
        ("s_session_vocab", _sessions(logs)),
    ):
        with (directory / "vocab" / f"{name}.pickle").open("wb") as file:
            pickle.dump(vocabulary, file, pickle.HIGHEST_PROTOCOL)


def _write_instances(directory: Path, logs: GeneratedLogs) -> None:
    train, peer_users = logs.profile.train, logs.profile.peer_users
    columns = {
        "u_id": logs.users - _FROM_ZERO,
        "i_id": logs.positives - _FROM_ONE,
        "rec_his": logs.rec_lengths,
        "src_his": logs.search_lengths,
        "label": np.ones_like(logs.users),
    }
    rows = pd.DataFrame(columns)
    rows[:train].to_csv(directory / "train_inter.tsv", sep="\t", index=False)
    valid = rows[train : train + peer_users]
    valid = valid.loc[valid.index.repeat(1 + NEGATIVES)]
    candidates = np.concatenate(
        [logs.positives[train:, None], logs.negatives], axis=1, dtype=np.int64
    )
    valid["i_id"] = candidates[:peer_users].ravel() - _FROM_ONE
    valid["label"] = np.tile(np.arange(1 + NEGATIVES) == 0, peer_users).astype(int)
    valid.to_csv(directory / "valid_inter.tsv", sep="\t", index=False)


def _users(logs: GeneratedLogs) -> dict[int, dict[str, Any]]:
    """Each with its whole feed, the positive last, and the keys of its searches."""
    names = [_USER_ATTRIBUTES[name] for name, _ in logs.profile.sizes.user_attributes]
    ids = (logs.users - _FROM_ZERO).tolist()
    attributes = (logs.user_attributes[logs.users] - _FROM_ZERO).tolist()
    feeds, lengths = (logs.rec_items - _FROM_ONE).tolist(), logs.rec_lengths.tolist()
    positives, searches = (logs.positives - _FROM_ONE).tolist(), logs.search_lengths.tolist()
    return {
        user: {
            "id": user,
            **dict(zip(names, attributes[row], strict=True)),
            "rec_his": [*feeds[row][: lengths[row]], positives[row]],
            "src_his": [_session(row, place) for place in range(searches[row])],
        }
        for row, user in enumerate(ids)
    }


def _items(logs: GeneratedLogs) -> dict[int, dict[str, int]]:
    size = logs.profile.sizes.items
    kept = np.arange(1, size + 1)
    if size > MOST_ITEMS:
        occurring = (logs.positives, logs.negatives, logs.rec_items, logs.clicked_items)
        found = np.unique(np.concatenate([values.ravel() for values in occurring])) - _FROM_ONE
        kept = np.union1d(found[found > 0], kept[:: 1 + size // MOST_ITEMS])
    names = [_ITEM_ATTRIBUTES[name] for name, _ in logs.profile.sizes.item_attributes]
    rows: Iterable[list[int]] = (logs.item_attributes[kept + _FROM_ONE] - _FROM_ZERO).tolist()
    return {
        item: {"id": item, **dict(zip(names, row, strict=True))}
        for item, row in zip(kept.tolist(), rows, strict=True)
    }


def _sessions(logs: GeneratedLogs) -> dict[str, dict[str, Any]]:
    words = [(row[row > 0] - _FROM_ONE).tolist() for row in logs.query_words]
    has_sources = logs.profile.sizes.sources > 0
    sources = (logs.sources - _FROM_ZERO if has_sources else np.zeros_like(logs.sources)).tolist()
    queries, clicks = logs.queries.tolist(), (logs.clicked_items - _FROM_ONE).tolist()
    found = {}
    for row, length in enumerate(logs.search_lengths.tolist()):
        for place in range(length):
            query = queries[row][place]
            found[_session(row, place)] = {
                "query_id": query - _FROM_ONE,
                "search_source": sources[row][place],
                "click_items": [item for item in clicks[row][place] if item > 0],
                "relevant_item": [],
                "keyword_seg": words[query],
            }
    return found


def _session(row: int, place: int) -> str:
    return f"{row}_{place}"
