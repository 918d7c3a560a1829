"""Writes a small SESRec package as its authors publish it."""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

HEADER = "u_id\ti_id\trec_his\tsrc_his\tlabel"
CANDIDATES = 100

# Ids are the original ones; the numbers under `id` are rows of the authors' tables.
USERS: dict[Any, dict[str, Any]] = {
    "A1": {"id": 0, "rec_his": ["B1", "B2", "B3", "B4"], "src_his": ["11", "12", "13"]},
    "A2": {"id": 1, "rec_his": ["B4", "B1", "B2"], "src_his": ["11"]},
}
ITEMS: dict[Any, dict[str, Any]] = {f"B{n}": {"id": n} for n in range(1, 151)}
SESSIONS: dict[Any, dict[str, Any]] = {
    "11": {
        "query_id": 1,
        "search_source": 0,
        "click_items": ["B1"],
        "relevant_item": ["B9"],
        "keyword_seg": [1, 2],
    },
    "12": {
        "query_id": 2,
        "search_source": 3,
        "click_items": [],
        "relevant_item": ["B8"],
        "keyword_seg": [3, 0, 0],
    },
    "13": {
        "query_id": 3,
        "search_source": 0,
        "click_items": ["B2", "B3", 0],
        "relevant_item": ["B2"],
        "keyword_seg": [2, 7],
    },
}
WORDS = {"photo": 1, "digital": 2, "lens": 3}


def line(user: object, item: object, interactions: int, searches: int, label: int) -> str:
    """One row of an instance file."""
    return f"{user}\t{item}\t{interactions}\t{searches}\t{label}"


def negatives(count: int = CANDIDATES - 1) -> list[str]:
    """Items that no history of the package has."""
    return [f"B{n}" for n in range(50, 50 + count)]


def block(user: str, item: str, interactions: int, searches: int, at: int = 0) -> list[str]:
    """The 100 rows of an instance of valid or test.

    Args:
        at: place of the positive among them.
    """
    others = [line(user, each, interactions, searches, 0) for each in negatives()]
    return [*others[:at], line(user, item, interactions, searches, 1), *others[at:]]


TRAIN = [line("A1", "B3", 2, 1, 1), line("A2", "B1", 1, 1, 1)]
VALID = block("A1", "B4", 3, 1)
TEST = block("A1", "B5", 4, 3, at=40)


def write_package(
    directory: Path,
    *,
    users: Mapping[Any, Any] = USERS,
    items: Mapping[Any, Any] = ITEMS,
    sessions: Mapping[Any, Any] = SESSIONS,
    words: Mapping[Any, Any] | None = WORDS,
    train: Iterable[str] = TRAIN,
    valid: Iterable[str] = VALID,
    test: Iterable[str] = TEST,
    header: str = HEADER,
) -> Path:
    """Writes all files; the directory."""
    contents = {"user": users, "item": items, "s_session": sessions, "word": words}
    (directory / "vocab").mkdir(parents=True)
    for name, content in contents.items():
        if content is not None:
            path = directory / "vocab" / f"{name}_vocab.pickle"
            path.write_bytes(pickle.dumps(content, 4))
    (directory / "dataset").mkdir()
    for split, lines in (("train", train), ("valid", valid), ("test", test)):
        text = "".join(each + "\n" for each in (header, *lines))
        (directory / "dataset" / f"{split}_inter.tsv").write_text(text)
    return directory
