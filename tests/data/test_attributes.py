from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data.attributes import Attribute, AttributeTable
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.errors import InputError
from tests.data.log_rows import interactions, searches

# Indices: c 2, a 3, b 4; d is unknown.
KNOWN = Vocabulary.from_counts(
    pa.array(["a", "b", "c", "d"], pa.large_string()), np.array([2, 1, 3, 0])
)
INTERACTIONS = interactions(("u", "a", 1))
SEARCHES = searches(("u", "1", "q", "", "", 1))


def attribute_table(**columns: list) -> AttributeTable:
    """Of the items, in memory."""
    logs = LogTables(INTERACTIONS, SEARCHES, pd.DataFrame(columns))
    return AttributeTable.of(logs, "items", KNOWN)


def attributes(**columns: list) -> dict[str, Attribute]:
    found = attribute_table(**columns)
    assert found.rows.read == len(columns["item_id"])
    assert found.rows.rejected.to_pylist() == []
    return {value.name: value for value in found.attributes}


def refused(table: AttributeTable) -> list[tuple[int, str, dict]]:
    """Row, reason and values of the rejected rows."""
    rows = table.rows.rejected.sort_by("row").to_pylist()
    return [(row["row"], row["reason"], json.loads(row["content"])) for row in rows]


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
    found = attribute_table(**{"item_id": [*"cab"], column: ["A > B", path, ""]})
    reason = f"{column} has an empty level"
    assert refused(found) == [(1, reason, {"item_id": "a", column: path})]
    # Item a goes without; the empty path of b is none and no error.
    first, second = found.attributes
    assert (first.name, second.name) == (f"{column}_1", f"{column}_2")
    assert first.values.ids.to_pylist() == ["A"]
    assert first.by_index.tolist() == [0, 1, 2, 1, 1]
    assert second.by_index.tolist() == [0, 1, 2, 1, 1]
    assert (found.rows.read, found.absent) == (3, 1)


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
    found = AttributeTable.of(LogTables(INTERACTIONS, SEARCHES), "items", KNOWN)
    assert (found.attributes, found.rows.read, len(found.rows.rejected), found.absent) == (
        [],
        0,
        0,
        0,
    )


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


def test_of_several_rows_of_an_id_the_first_counts() -> None:
    found = attribute_table(item_id=["b", "a", "b"], brand=["x", "y", "z"])
    assert refused(found) == [(2, "item_id stands again", {"item_id": "b", "brand": "z"})]
    (brand,) = found.attributes
    assert brand.values.ids.to_pylist() == ["x", "y"]
    assert brand.by_index.tolist() == [0, 1, 1, 3, 2]


def test_what_is_not_known_is_not_looked_at_twice() -> None:
    # d and z are not known: neither the second row nor the empty level of theirs matters.
    found = attribute_table(item_id=[*"ddzc"], category=["A", "A", "B > ", "C"])
    assert refused(found) == []
    assert (found.rows.read, found.absent) == (4, 2)
    assert found.attributes[0].values.ids.to_pylist() == ["C"]


def test_ids_and_values_are_checked_as_in_every_table() -> None:
    found = attribute_table(item_id=["a", "", "c", "b c"], brand=["x", "x", "y\nz", "x"])
    assert [(row, reason) for row, reason, _ in refused(found)] == [
        (1, "item_id is empty"),
        (2, "brand holds a line break"),
        (3, "item_id holds whitespace"),
    ]
    assert (found.rows.read, found.absent) == (4, 2)
    assert found.attributes[0].by_index.tolist() == [0, 1, 1, 2, 1]


def test_known_ids_without_a_row_are_counted() -> None:
    assert attribute_table(item_id=[*"adz"], brand=[*"xyz"]).absent == 2


def test_columns_of_the_users() -> None:
    users = pd.DataFrame({"user_id": [2, 1], "age": ["old", ""]})
    known = Vocabulary.from_counts(pa.array(["1", "2"], pa.large_string()), np.array([1, 1]))
    found = AttributeTable.of(LogTables(INTERACTIONS, SEARCHES, users=users), "users", known)
    assert [value.name for value in found.attributes] == ["age"]
    assert found.attributes[0].by_index.tolist() == [0, 1, 1, 2]


def test_numbers_with_fractions_are_no_categories() -> None:
    with pytest.raises(InputError, match="column price is of type double"):
        attributes(item_id=["a"], price=[1.5])
