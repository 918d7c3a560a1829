from __future__ import annotations

import warnings
from pathlib import Path

import pandas as pd
import pytest

from pipelines.sources.amazon_metadata import Metadata
from sesrec_tf.errors import InputError
from tests.pipelines.sources.amazon_raw_files import METADATA, product, write_lines


def metadata(directory: Path, *lines: str) -> Metadata:
    return Metadata.read(write_lines(directory / METADATA, lines))


def paths(found: Metadata) -> list[list[tuple[str, ...]]]:
    ends = found.path_offsets
    return [
        [found.paths[code] for code in found.path_codes[ends[n] : ends[n + 1]]]
        for n in range(len(found.item_ids))
    ]


def table(found: Metadata) -> pd.DataFrame:
    return pd.concat(found.tables())


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
    with pytest.raises(InputError, match=r"line 1: no Python literal \(malformed node"):
        metadata(tmp_path, f"{{'asin': open({str(marker)!r}, 'w').name}}")
    assert not marker.exists()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        metadata(tmp_path, r"{'asin': 'a', 'description': '\d'}")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"asin": "b", "price": null}', "no Python literal"),
        ("{'asin': 'b'", "no Python literal"),
        ("{'asin': 'b\0'}", "no Python literal"),
        ("{[]: 'b'}", "no Python literal"),
        ("'asin'", "no dictionary"),
        ("{'title': 'b'}", "no `asin`"),
        ("{'asin': ''}", "no `asin`"),
        (product("a"), "`asin` 'a' stands in line 1 already"),
        (product("b", brand=3), "`brand` is no text. Expected a text. Received: 3"),
        ("{'asin': 'b', 'categories': ['Books']}", "`categories` is unusable.*list of lists"),
        ("{'asin': 'b', 'categories': [['Books', 1]]}", "`categories` is unusable"),
    ],
)
def test_a_bad_product_is_named_by_file_and_line(tmp_path: Path, line: str, message: str) -> None:
    with pytest.raises(InputError, match=rf"meta_Kindle_Store\.json\.gz, line 3: {message}"):
        metadata(tmp_path, product("a"), "", line)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no products"):
        metadata(tmp_path)
