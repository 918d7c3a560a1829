"""Lists of integers written as Python literals, read as words."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

_INTEGER = "(?:0|-?[1-9][0-9]*)"
_LIST = rf"^\[ *(?:{_INTEGER}(?: *, *{_INTEGER})*)? *\]$"


def integer_words(texts: pa.Array) -> pa.Array:
    """The integers of each list, in its order, separated by one space.

    The text is matched against the grammar of such a list and never evaluated. Each distinct
    text is read once.

    Args:
        texts: `[N]` strings without nulls, such as `"[20, 34, 3]"`; `"[]"` has no words.

    Returns:
        `[N]` strings such as `"20 34 3"`, null for a text that is no list of integers.
    """
    encoded = texts.dictionary_encode()
    distinct = encoded.dictionary
    inside = pc.replace_substring_regex(distinct, r"[\[\] ]", "")
    words = pc.replace_substring(inside, ",", " ")
    is_list = pc.match_substring_regex(distinct, _LIST)
    return pc.if_else(is_list, words, pa.scalar(None, words.type)).take(encoded.indices)
