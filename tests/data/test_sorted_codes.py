from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.data.sorted_codes import sorted_codes

TEXTS = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=8)


@given(TEXTS, TEXTS)
def test_codes_are_places_among_the_sorted_distinct_values(
    first: list[str], second: list[str]
) -> None:
    columns = [pa.array(column, pa.large_string()) for column in (first, second)]
    distinct, codes = sorted_codes(*columns)
    expected = sorted({*first, *second})
    assert distinct.to_pylist() == expected
    for column, code in zip((first, second), codes, strict=True):
        assert code.tolist() == [expected.index(text) for text in column]
