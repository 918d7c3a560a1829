from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from sesrec_tf.data.content_hash import ContentHash

TABLE = pa.table(
    {
        "number": [1, 2],
        "flag": [True, False],
        "text": pa.array(["a", "bc"], pa.large_string()),
        "items": pa.array([[1], [2, 3]], pa.list_(pa.int64())),
        "words": pa.array([["x"], []], pa.large_list(pa.string())),
    }
)


def digest(*parts: pa.Table, name: str = "t") -> str:
    content = ContentHash()
    for part in parts:
        content.add_table(name, part)
    return content.hexdigest()


def test_cuts_between_rows_do_not_matter() -> None:
    assert digest(TABLE[:1], TABLE[1:]) == digest(TABLE)


def test_order_of_the_names_does_not_matter() -> None:
    first, second = ContentHash(), ContentHash()
    first.add_text("a", "x")
    first.add_text("b", "y")
    second.add_text("b", "y")
    second.add_text("a", "x")
    assert first.hexdigest() == second.hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda: TABLE.set_column(0, "number", [[1, 3]]),
        lambda: TABLE.set_column(1, "flag", [[True, True]]),
        lambda: TABLE.set_column(2, "text", [["ab", "c"]]),
        lambda: TABLE.set_column(3, "items", [[[1, 2], [3]]]),
        lambda: TABLE.set_column(4, "words", [[[], ["x"]]]),
        lambda: TABLE.rename_columns(["other", *TABLE.column_names[1:]]),
        lambda: TABLE.take([1, 0]),
    ],
)
def test_every_change_shows(change: Callable[[], pa.Table]) -> None:
    assert digest(change()) != digest(TABLE)
