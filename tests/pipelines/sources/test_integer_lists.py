from __future__ import annotations

import ast

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.integer_lists import integer_words

INTEGERS = st.integers(-(10**20), 10**20)
# Texts made of what lists are made of, so that some are lists and most nearly so.
PIECES = st.sampled_from(
    ["[", "]", ", ", ",", " ", "1", "20", "0", "-", "'a'", ".", "\n", "(", ")"]
)


@given(st.lists(st.lists(INTEGERS, max_size=6), max_size=6))
def test_printed_lists_become_words(lists: list[list[int]]) -> None:
    words = integer_words(pa.array([str(each) for each in lists], pa.string()))
    assert words.to_pylist() == [" ".join(map(str, each)) for each in lists]


@given(st.lists(PIECES, max_size=9))
def test_what_is_accepted_is_what_python_reads(pieces: list[str]) -> None:
    text = "".join(pieces)
    words = integer_words(pa.array([text]))[0].as_py()
    if words is not None:
        assert words.split() == [str(each) for each in ast.literal_eval(text)]


@pytest.mark.parametrize("text", ["[1,2]", "[ 1 , 2 ]", "[1 ,  2]"])
def test_spaces_do_not_matter(text: str) -> None:
    assert integer_words(pa.array([text]))[0].as_py() == "1 2"


@pytest.mark.parametrize(
    "text",
    [
        *("", "None", "1, 2", "(1, 2)", "[1, 2", "[1 2]", "[1,]", "[1,\n2]", "[[1], 2]"),
        *("[007]", "[1.0]", "['1']", "[1_000]", "[٣]", "[-0]", "[print(1)]", "[1] + [2]"),
    ],
)
def test_nothing_else_is_a_list(text: str) -> None:
    assert integer_words(pa.array([text, "[3]"])).to_pylist() == [None, "3"]


def test_equal_texts_stay_rows_of_their_own() -> None:
    texts = pa.array(["[1, 2]", "[]", "[1, 2]"])
    assert integer_words(texts).to_pylist() == ["1 2", "", "1 2"]
