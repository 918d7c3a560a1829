from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data.attributes import build_attributes
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.errors import InputError

# Indices: c 2, a 3, b 4; d is unknown.
KNOWN = Vocabulary.from_counts(
    pa.array(["a", "b", "c", "d"], pa.large_string()), np.array([2, 1, 3, 0])
)


def attributes(**columns: list) -> dict:
    frame = pd.DataFrame(columns)
    return {value.name: value for value in build_attributes(frame, "items", "item_id", KNOWN)}


def test_plain_columns() -> None:
    # c is absent from the table, d is no known id, so its value gets no entry.
    built = attributes(item_id=[*"dba"], brand=["rare", "x", ""], year=[1, 2, 2])
    assert list(built) == ["brand", "year"]
    assert built["brand"].values.ids.to_pylist() == ["x"]
    assert built["brand"].by_index.tolist() == [0, 1, 1, 1, 2]
    assert built["year"].values.ids.to_pylist() == ["2"]
    assert built["year"].by_index.tolist() == [0, 1, 1, 2, 2]
    assert built["brand"].by_index.dtype == np.int32


def test_a_path_gives_one_attribute_per_level() -> None:
    built = attributes(item_id=[*"abc"], category=["A > X", "B > X > Y", "A"])
    assert list(built) == ["category_1", "category_2", "category_3"]
    assert built["category_1"].values.ids.to_pylist() == ["A", "B"]
    # The two X have different parents, so they differ.
    assert built["category_2"].values.ids.to_pylist() == ["A > X", "B > X"]
    assert built["category_3"].values.ids.to_pylist() == ["B > X > Y"]
    assert built["category_1"].by_index.tolist() == [0, 1, 2, 2, 3]
    assert built["category_2"].by_index.tolist() == [0, 1, 1, 2, 3]
    assert built["category_3"].by_index.tolist() == [0, 1, 1, 1, 2]


def test_at_most_four_levels() -> None:
    built = attributes(item_id=["a"], shelf=["1 > 2 > 3 > 4 > 5 > 6"])
    assert list(built) == ["shelf_1", "shelf_2", "shelf_3", "shelf_4"]
    assert built["shelf_4"].values.ids.to_pylist() == ["1 > 2 > 3 > 4"]


@pytest.mark.parametrize(
    "path", ["A > ", " > B", "A >  > B", "A > > B", "A >", "> B", "A >   > B", " ", " > "]
)
@pytest.mark.parametrize("column", ["category", "shelf"])
def test_an_empty_level_is_refused(path: str, column: str) -> None:
    with pytest.raises(
        InputError, match=rf"items: {column} of data row 2 has an empty level.*Received: '{path}'"
    ):
        attributes(**{"item_id": [*"cab"], column: ["A > B", path, ""]})


def test_paths_without_an_empty_level_are_kept() -> None:
    paths = ["A >> B", "", ">5 > <9"]
    built = attributes(item_id=[*"abc"], category=paths)
    assert built["category_1"].values.ids.to_pylist() == [">5", "A >> B"]
    assert built["category_2"].values.ids.to_pylist() == [">5 > <9"]
    # Not a path: the column holds no separator.
    assert attributes(item_id=[*"ab"], note=["A >", " "])["note"].values.ids.to_pylist() == [
        " ",
        "A >",
    ]


def test_a_flat_category_is_a_path_of_one_level() -> None:
    assert list(attributes(item_id=["a"], category=["A"])) == ["category_1"]


def test_no_table_no_attributes() -> None:
    assert build_attributes(None, "items", "item_id", KNOWN) == []


def test_a_table_of_other_ids_gives_empty_vocabularies() -> None:
    built = attributes(item_id=["z"], brand=["x"], category=["A > B"])
    assert {name: len(value.values) for name, value in built.items()} == {
        "brand": 0,
        "category_1": 0,
    }
    assert built["brand"].by_index.tolist() == [0, 1, 1, 1, 1]


@pytest.mark.parametrize("name", ["count", "clicks", "../up", "a b", ""])
def test_names_that_cannot_be_kept_are_refused(name: str) -> None:
    with pytest.raises(InputError, match=r"cannot name an attribute.*Rename the column"):
        attributes(**{"item_id": ["a"], name: ["x"]})


def test_two_columns_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="'category_1' cannot name an attribute"):
        attributes(item_id=["a"], category=["A"], category_1=["x"])


def test_an_id_twice_is_refused() -> None:
    with pytest.raises(InputError, match=r"item_id 'b' stands in data rows 1 and 3"):
        attributes(item_id=["b", "a", "b"], brand=["x", "y", "z"])


def test_numbers_with_fractions_are_no_categories() -> None:
    with pytest.raises(InputError, match="column price is of type double"):
        attributes(item_id=["a"], price=[1.5])
