from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from pipelines.sources.amazon_metadata import Metadata
from pipelines.sources.amazon_queries import CategoryQueries
from pipelines.sources.amazon_terms import QueryTerms
from tests.pipelines.sources.amazon_raw_files import METADATA, product, write_lines

TERMS = QueryTerms(frozenset({"and"}))
VOCABULARY = {"camera", "photo", "digit", "lens", "book", "fiction", "war"}


def queries(directory: Path, *lines: str, seed: int = 0) -> CategoryQueries:
    metadata = Metadata.read(write_lines(directory / METADATA, lines))
    return CategoryQueries(metadata, TERMS, VOCABULARY, seed)


def of_item(found: CategoryQueries, item: str) -> list[str]:
    """All queries that an item may get."""
    (start,), (length,) = found.lists(pa.array(["u"]), pa.array([item]))
    codes = found.codes[start : start + length]
    return [found.texts[code].as_py() for code in codes]


def test_queries_by_hand(tmp_path: Path) -> None:
    found = queries(
        tmp_path,
        product("a", ["Camera, Photo", "Digital Camera Lenses"]),
        # One level is no query; of equal queries one counts; words outside the vocabulary go.
        product("b", ["Books"], ["Books", "Fiction & War"], ["eBooks", "Books", "Fiction", "War"]),
        product("c", ["Books", "War"], ["Books", "Fiction"], ["and", "2012"], ["Toys", "Games"]),
        product("d"),
    )
    assert of_item(found, "a") == ["photo digit camera lens"]
    assert of_item(found, "b") == ["book fiction war"]
    assert of_item(found, "c") == ["book war", "book fiction"]
    assert of_item(found, "d") == []
    assert of_item(found, "unheard of") == []


def test_draws_for_many_users(tmp_path: Path) -> None:
    found = queries(
        tmp_path, product("a", ["X", "War"], ["X", "Book"]), product("b"), product("c", ["X", "Y"])
    )
    users = pa.array([f"u{n}" for n in range(40)] + ["u", "u", "u"])
    items = pa.array(["a"] * 40 + ["b", "c", "no"])
    drawn = found.draw(users, items).to_pylist()
    assert set(drawn[:40]) == {"war", "book"}
    assert drawn[40:] == [None, None, None]


def test_no_product_has_a_query(tmp_path: Path) -> None:
    found = queries(tmp_path, product("a", ["Books"]))
    assert found.draw(pa.array(["u"]), pa.array(["a"])).to_pylist() == [None]
