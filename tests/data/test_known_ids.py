from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sesrec_tf.data.known_ids import KINDS, KnownIds
from sesrec_tf.schema import HistoryShape


def texts(*values: str) -> pa.Array:
    return pa.array(values, pa.large_string())


@pytest.fixture
def known() -> KnownIds:
    return KnownIds(
        shape=HistoryShape(4, 3, query_words=2, clicks=1),
        users=texts("v", "u"),
        items=texts("NA", "größe", "007"),
        queries=texts("red shoe"),
        words=texts(),
        sources=texts(),
        item_interactions=np.array([5, 0, 2]),
    )


def test_indices(known: KnownIds) -> None:
    # Element n has index n + 2; what is not there has 1.
    index = known.index("items", texts("007", "7", "NA", "", "NA"))
    assert index.tolist() == [4, 1, 2, 1, 2]
    assert index.dtype == np.int32
    assert known.index("items", texts()).tolist() == []


def test_a_kind_without_known_ids(known: KnownIds) -> None:
    assert known.index("words", texts("red", "")).tolist() == [1, 1]


def test_files_hold_the_same(known: KnownIds, tmp_path: Path) -> None:
    known.save(tmp_path / "ids")
    opened = KnownIds.open(tmp_path / "ids")
    assert opened.shape == known.shape
    for kind in KINDS:
        assert getattr(opened, kind).equals(getattr(known, kind))
        assert (
            opened.index(kind, texts("u", "NA")).tolist()
            == known.index(kind, texts("u", "NA")).tolist()
        )
    assert opened.item_interactions.tolist() == [5, 0, 2]


def test_files_without_items(known: KnownIds, tmp_path: Path) -> None:
    none = dataclasses.replace(known, items=texts(), item_interactions=np.zeros(0, np.int64))
    none.save(tmp_path / "ids")
    opened = KnownIds.open(tmp_path / "ids")
    assert len(opened.items) == len(opened.item_interactions) == 0
    assert opened.index("items", texts("a")).tolist() == [1]
