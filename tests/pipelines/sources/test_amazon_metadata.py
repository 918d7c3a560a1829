from __future__ import annotations

import gzip
import warnings
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from pipelines.sources.amazon_metadata import Metadata
from sesrec_tf.data.log_chunk import REASON, ROW
from tests.pipelines.sources.amazon_raw_files import METADATA, product, write_lines


def metadata(directory: Path, *lines: str) -> Metadata:
    return Metadata.read(write_lines(directory / METADATA, lines))


def paths(found: Metadata) -> list[list[tuple[str, ...]]]:
    ends = found.path_offsets
    return [
        [found.paths[code] for code in found.path_codes[ends[n] : ends[n + 1]]]
        for n in range(len(found.item_ids))
    ]


def rejected_of(found: Metadata) -> list[tuple[int, str, str, str]]:
    return list(zip(*(column.to_pylist() for column in found.rejected.columns), strict=True))


def table(found: Metadata) -> pd.DataFrame:
    rows = pa.concat_tables([chunk.rows for chunk in found.chunks()])
    return rows.to_pandas().set_index(ROW)


def test_python_literals_with_either_quote(tmp_path: Path) -> None:
    description = "A \"naïve\" girl's story\nof d'Artagnan \\d"
    found = metadata(
        tmp_path,
        product(
            "000100039X",
            ["Books", "Women's Fiction"],
            description=description,
            related={"also_bought": ["B1"]},
            salesRank={},
            price=0.99,
            brand="O'Neil",
        ),
        "{'asin': u'B2', 'title': None, 'x': (1, -2.5e3, True, b'y')}",
    )
    assert table(found).to_dict("list") == {
        "item_id": ["000100039X", "B2"],
        "category": ["Books > Women's Fiction", ""],
        "brand": ["O'Neil", ""],
    }
    assert paths(found) == [[("Books", "Women's Fiction")], []]


def test_the_category_is_the_first_path_of_two_levels(tmp_path: Path) -> None:
    found = metadata(
        tmp_path,
        product("a", ["Books"], ["Kindle Store", "Kindle eBooks"], ["Books", "Fiction", "War"]),
        product("b", ["Books"], ["Comics"]),
        product("c"),
        product("d", []),
    )
    expected = ["Kindle Store > Kindle eBooks", "Books", "", ""]
    assert table(found)["category"].tolist() == expected
    assert [len(each) for each in paths(found)] == [3, 2, 0, 0]


def test_equal_paths_are_one(tmp_path: Path) -> None:
    found = metadata(
        tmp_path, product("a", ["X", "Y"], ["X", "Y"], ["Z"]), product("b", ["Z"], ["X", "Y"])
    )
    assert found.paths == (("X", "Y"), ("Z",))
    assert paths(found) == [[("X", "Y"), ("Z",)], [("Z",), ("X", "Y")]]


def test_levels_are_made_fit_for_a_path(tmp_path: Path) -> None:
    found = metadata(tmp_path, product("a", ["", "A > B", " ", "C\nD "], brand="E > F"))
    assert paths(found) == [[("A B", "C D")]]
    row = table(found).iloc[0]
    assert (row["category"], row["brand"]) == ("A B > C D", "E F")


def test_no_column_of_brands_without_any(tmp_path: Path) -> None:
    found = metadata(tmp_path, product("a"), product("b", brand=""))
    assert list(table(found).columns) == ["item_id", "category"]


def test_nothing_is_executed_and_nothing_printed(tmp_path: Path) -> None:
    marker = tmp_path / "executed"
    found = metadata(tmp_path, f"{{'asin': open({str(marker)!r}, 'w').name}}")
    assert found.rejected[REASON].to_pylist() == ["line is no Python literal"]
    assert not marker.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metadata(tmp_path, r"{'asin': 'a', 'description': '\d'}")


LITERAL = "line is no Python literal"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ('{"asin": "b", "price": null}', LITERAL),
        ("{'asin': 'b'", LITERAL),
        ("{'asin': 'b\0'}", LITERAL),
        ("{[]: 'b'}", LITERAL),
        ("'asin'", "line is no dictionary"),
        ("{'title': 'b'}", "asin is missing"),
        ("{'asin': 7}", "asin is not text"),
        (r"{'asin': '\ud800'}", "asin is not text"),
        (product("a"), "asin stands in an earlier line"),
        (product("b", brand=3), "brand is not text"),
        ("{'asin': 'b', 'categories': ['Books']}", "categories is not a list of lists of texts"),
        (
            "{'asin': 'b', 'categories': [['Books', 1]]}",
            "categories is not a list of lists of texts",
        ),
    ],
)
def test_a_bad_product_costs_no_other(tmp_path: Path, line: str, reason: str) -> None:
    found = metadata(tmp_path, product("a", ["X"]), "", line, product("c", ["Y"], ["X"]))
    assert table(found)["item_id"].to_dict() == {0: "a", 3: "c"}
    assert paths(found) == [[("X",)], [("Y",), ("X",)]]
    ((row, *problem, content),) = rejected_of(found)
    assert (row, problem[0], content) == (2, reason, line)
    assert problem[1]


def test_a_bad_product_may_come_again(tmp_path: Path) -> None:
    found = metadata(tmp_path, product("a", brand=3), product("a", brand="x"))
    assert table(found)["brand"].to_dict() == {1: "x"}


def test_a_line_that_is_not_utf8_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / METADATA
    path.write_bytes(gzip.compress(b"{'asin': 'na\xefve'}\n{'asin': 'a'}"))
    found = Metadata.read(path)
    assert table(found)["item_id"].to_dict() == {1: "a"}
    assert rejected_of(found) == [(0, "line is no UTF-8 text", "UTF-8", r"{'asin': 'na\xefve'}")]


def test_half_a_surrogate_pair_is_no_part_of_a_name(tmp_path: Path) -> None:
    found = metadata(tmp_path, r"{'asin': 'a', 'brand': '\ud800B', 'categories': [['C\udfff']]}")
    assert table(found).to_dict("list") == {"item_id": ["a"], "category": ["C"], "brand": ["B"]}


def test_an_empty_file_has_no_products(tmp_path: Path) -> None:
    found = metadata(tmp_path)
    assert paths(found) == []
    assert table(found).to_dict("list") == {"item_id": [], "category": []}


def test_chunks_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.sources.amazon_metadata.CHUNK_ROWS", 2)
    found = metadata(tmp_path, "{", *(product(name) for name in "abcde"), "}")
    assert [len(chunk.rows) for chunk in found.chunks()] == [2, 2, 1]
    assert [len(chunk.rejected) for chunk in found.chunks()] == [2, 0, 0]
    assert table(found)["item_id"].to_dict() == dict(enumerate("abcde", 1))
