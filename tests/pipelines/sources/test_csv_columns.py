from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.csv_columns import FLAG, INTEGER, INTEGER_LIST, TEXT


def integers(*texts: str) -> list[int | None]:
    return INTEGER.read(pa.array(texts, pa.string())).to_pylist()


def test_integers_may_be_written_as_floats() -> None:
    assert integers("12", "-3.0", "7.", "1.5e3", "2E+2") == [12, -3, 7, 1500, 200]
    # 2^53 + 1 is no float: integers never become one.
    assert integers("9007199254740993.00", "1e0") == [9007199254740993, 1]
    assert integers() == []


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1.5", "x", "nan", "inf", "1e999", "1e999999999", "1e99999999999", "15e-1"),
        *("0x1F", "0X1f", "-0x1F", "0x", "0xFFFFFFFFFFFFFFFF", "0x1F.0", "+5", " 5", "0b1"),
        *("9223372036854775808", "9223372036854775808.0", "1_000", "٣", "--1", "1 2"),
    ],
)
def test_a_value_that_is_no_integer_spoils_no_other(text: str) -> None:
    assert integers("1", text, "-9223372036854775808") == [1, None, -(2**63)]
    assert integers(text, "0012") == [None, 12]
    assert integers(text, "2.0", "1e2") == [None, 2, 100]


@given(st.lists(st.integers(-(2**63), 2**63 - 1)), st.sampled_from(["", ".0", ".00"]))
def test_integers_come_back_whatever_stands_beside_them(values: list[int], end: str) -> None:
    texts = [f"{value}{end}" for value in values]
    assert integers(*texts) == values
    assert integers(*texts, "?") == [*values, None]


def test_a_flag_is_0_or_1() -> None:
    texts = pa.array(["0", "1", "2", "-1", "", "x", "1.0", "True", "0x1"])
    assert FLAG.read(texts).to_pylist() == [0, 1, None, None, None, None, 1, None, None]
    assert FLAG.read(texts.slice(0, 2)).to_pylist() == [0, 1]
    assert FLAG.unusable("click").reason == "click is neither 0 nor 1"


def test_lists_are_words_and_texts_verbatim() -> None:
    texts = pa.array(["[1, 2]", "[1", "[]"])
    assert INTEGER_LIST.read(texts).to_pylist() == ["1 2", None, ""]
    assert TEXT.read(texts) is texts


def test_what_is_wrong_begins_with_the_column() -> None:
    problem = INTEGER.unusable("time")
    assert problem.reason == "time is not an integer"
    assert problem.expected.startswith("an integer of 64 bits")
