"""What the text of a CSV column stands for."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from pipelines.sources.integer_lists import integer_words
from pipelines.sources.rejected_lines import UnusableLineError

_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]*)?([eE]\+?[0-9]{1,9})?")


@dataclass(frozen=True)
class ColumnFormat:
    """How a column is read.

    Attributes:
        read: from `[N]` texts without nulls to `[N]` values, null where there is none.
        problem: what is to be said of such a text, after the column's name.
        expected: what should be there.
    """

    read: Callable[[pa.Array], pa.Array]
    problem: str = "is no text"
    expected: str = "text"

    def unusable(self, column: str) -> UnusableLineError:
        """What is wrong with a line without a value in this column."""
        return UnusableLineError(f"{column} {self.problem}", self.expected)


def _verbatim(texts: pa.Array) -> pa.Array:
    return texts


def _flags(texts: pa.Array) -> pa.Array:
    integers = _integers(texts)
    return pc.if_else(pc.is_in(integers, pa.array([0, 1])), integers, None)


def _integers(texts: pa.Array) -> pa.Array:
    # Arrow would read 0x1F as 31.
    hexadecimal = pc.match_substring_regex(texts, "^0[xX]")
    if pc.any(hexadecimal).as_py():
        texts = pc.if_else(hexadecimal, "", texts)
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        pass
    # A column that once had gaps: pandas wrote it as floats.
    texts = pc.replace_substring_regex(texts, r"^(-?[0-9]+)\.0*$", r"\1")
    try:
        return texts.cast(pa.int64())
    except pa.ArrowInvalid:
        plain = pc.match_substring_regex(texts, "^-?[0-9]{1,18}$")
    odd = pc.invert(plain)
    others = [_integer(text) for text in texts.filter(odd).to_pylist()]
    integers = pc.if_else(plain, texts, None).cast(pa.int64())
    return pc.replace_with_mask(integers, odd, pa.array(others, pa.int64()))


def _integer(text: str) -> int | None:
    """One integer of 64 bits, or `None`."""
    try:
        return int(pa.scalar(text).cast(pa.int64()).as_py())
    except pa.ArrowInvalid:
        pass
    if not _NUMBER.fullmatch(text):
        return None
    number = Decimal(text)
    # The size comes first: the digits of 1e999999999 would fill the memory.
    if number.adjusted() > 18 or number != number.to_integral_value():
        return None
    return int(number) if -(2**63) <= number < 2**63 else None


TEXT = ColumnFormat(_verbatim)
INTEGER = ColumnFormat(_integers, "is not an integer", "an integer of 64 bits; 12.0 counts as 12")
FLAG = ColumnFormat(_flags, "is neither 0 nor 1", "0 or 1")
INTEGER_LIST = ColumnFormat(
    integer_words, "is not a list of integers", "a list of integers such as [20, 34, 3]"
)
"""Read as words separated by one space."""
