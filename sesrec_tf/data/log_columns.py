"""Columns of the log tables as Arrow and NumPy arrays, the rows that break a rule rejected.

The values of a rejected row are of the right type and mean nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.query_words import split_words
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.errors import InputError

# RE2's \s is ASCII only; the rest is what Unicode and Python call white space.
_WHITESPACE = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
# TensorFlow's vocabulary reader drops carriage returns and ends a line at "\n".
_LINE_BREAK = r"[\n\r]"
# White space alone before the first " > ", between two or after the last.
_EMPTY_LEVEL = r"^\s*$|^\s*> | >\s+> | >\s*$"
_INTEGER = r"^[+-]?[0-9]+$"
# More digits than any 64-bit integer has, leading zeros aside.
_MANY_DIGITS = r"^[+-]?0*[1-9][0-9]{18,}$"

TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "datetime": 1_000_000, "order": None}
"""Resolution of the int64 times kept for each time unit; positions have none."""


def text_column(checks: RowChecks, column: str) -> pa.Array:
    """One column as strings; integers become their decimal digits, absent values "".

    Rejects rows with a line break.

    Returns:
        A `large_string` array without nulls.

    Raises:
        InputError: if the values are of another type.
    """
    values = _as_text(checks.column(column), checks.table, column)
    values = pc.fill_null(values, "")
    broken = pc.match_substring_regex(values, _LINE_BREAK)
    checks.refuse(broken, column, "holds a line break", "text on one line")
    return values


def identifier_column(checks: RowChecks, column: str) -> pa.Array:
    """One column of ids, verbatim.

    Rejects rows whose id is empty or holds whitespace.
    """
    values = text_column(checks, column)
    expected = "an id without whitespace"
    checks.refuse(pc.equal(values, ""), column, "is empty", expected)
    spaced = pc.match_substring_regex(values, _WHITESPACE)
    checks.refuse(spaced, column, "holds whitespace", expected)
    return values


def query_column(checks: RowChecks, column: str) -> pa.Array:
    """One column of query texts, verbatim.

    Rejects rows whose query has no word.
    """
    values = text_column(checks, column)
    wordless = pc.invert(pc.match_substring_regex(values, "[^ ]"))
    checks.refuse(wordless, column, "has no words", "words separated by spaces")
    return values


def identifier_list_column(checks: RowChecks, column: str) -> pa.LargeListArray:
    """One column of space-separated ids, or of lists of ids.

    Rejects rows with an id that holds whitespace other than spaces, or, in a list, any or none.

    Returns:
        The ids of every row, verbatim, as large lists of `large_string`.
    """
    values = checks.column(column)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _identifier_lists(checks, values, column)
    values = text_column(checks, column)
    # Spaces separate; the other kinds of whitespace would hide inside an id.
    without_spaces = pc.replace_substring(values, " ", "")
    spaced = pc.match_substring_regex(without_spaces, _WHITESPACE)
    expected = "ids separated by spaces"
    checks.refuse(spaced, column, "holds whitespace other than spaces", expected)
    offsets, ids = split_words(values)
    return pa.LargeListArray.from_arrays(pa.array(offsets), ids)


def has_empty_level(values: pa.Array) -> pa.Array:
    """Whether each path, levels separated by " > ", lacks a level; an empty value is no path."""
    return pc.and_(pc.match_substring_regex(values, _EMPTY_LEVEL), pc.not_equal(values, ""))


def time_column(checks: RowChecks, column: str, time_unit: str) -> npt.NDArray[np.int64]:
    """One column of times as int64 ticks, `TICKS_PER_SECOND[time_unit]` a second.

    Rejects rows whose value is no time of this unit.

    Raises:
        InputError: if the values are of a type that holds no such times.
    """
    values = checks.column(column)
    if time_unit == "datetime":
        return _datetimes(checks, values, column)
    expected = f"an integer of at most 64 bits (`--time-unit {time_unit}`)"
    if not (pa.types.is_integer(values.type) or _is_text(values.type)):
        raise InputError(
            f"{checks.table}: column {column} is of type {values.type}. Expected integers "
            f"(`--time-unit {time_unit}`). Convert the values, or choose another `--time-unit`."
        )
    checks.refuse(pc.is_null(values), column, "is missing", expected)
    if _is_text(values.type):
        values = _as_text(values, checks.table, column)
        wrong = pc.invert(pc.match_substring_regex(values, _INTEGER))
        checks.refuse(wrong, column, "is not an integer", expected)
        values = pc.utf8_ltrim(values, characters="+")
        values = pc.if_else(pc.fill_null(wrong, True), "0", values)
    return _as_int64(checks, values, column, expected)


def parse_instant(value: str | int, flag: str, time_unit: str) -> int:
    """One time of a command line, in the ticks of `time_column`.

    Raises:
        InputError: if it is no time of this unit.
    """
    checks = RowChecks(pa.table({flag: [str(value)], ROW: [0]}), "")
    ticks = time_column(checks, flag, time_unit)
    if checks.usable[0]:
        return int(ticks[0])
    integer = "an integer of at most 64 bits"
    unit = "an ISO 8601 date" if time_unit == "datetime" else integer
    raise InputError(
        f"`--{flag}` should be {unit}, as the logs have (`--time-unit {time_unit}`). "
        f"Received: {value!r}."
    )


def _as_int64(
    checks: RowChecks, values: pa.Array, column: str, expected: str
) -> npt.NDArray[np.int64]:
    try:
        return pc.fill_null(values.cast(pa.int64()), 0).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        # Rare enough for a look at every candidate.
        texts = values.cast(pa.large_string())
        long = pc.match_substring_regex(texts, _MANY_DIGITS).to_numpy(zero_copy_only=False)
        wrong = np.zeros(len(texts), np.bool_)
        for place in np.flatnonzero(long):
            wrong[place] = not -(2**63) <= int(texts[int(place)].as_py()) < 2**63
        checks.refuse(pa.array(wrong), column, "leaves the range of 64-bit integers", expected)
        texts = pc.if_else(pa.array(wrong), "0", pc.fill_null(texts, "0"))
        return texts.cast(pa.int64()).to_numpy(zero_copy_only=False)


def _is_text(kind: pa.DataType) -> bool:
    text = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    return any(matches(kind) for matches in (*text, pa.types.is_binary, pa.types.is_large_binary))


def _as_text(values: pa.Array, table: str, column: str) -> pa.Array:
    kind = values.type
    plain = pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_null(kind)
    if not (plain or _is_text(kind)):
        raise InputError(
            f"{table}: column {column} is of type {kind}. Expected text or integers. Write the "
            "values as text."
        )
    try:
        return values.cast(pa.large_string())
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{table}: column {column} is no UTF-8 text ({error}). Save the file as UTF-8."
        ) from error


def _identifier_lists(checks: RowChecks, lists: pa.Array, column: str) -> pa.LargeListArray:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = pc.fill_null(_as_text(lists.flatten(), checks.table, column), "")
    spaced = pc.or_(pc.equal(ids, ""), pc.match_substring_regex(ids, _WHITESPACE))
    wrong = np.zeros(len(lists), np.bool_)
    row = np.repeat(np.arange(len(lists)), lengths)
    wrong[row[spaced.to_numpy(zero_copy_only=False)]] = True
    problem = "has an empty id or one that holds whitespace"
    checks.refuse(pa.array(wrong), column, problem, "a list of ids")
    return pa.LargeListArray.from_arrays(pa.array(offsets), ids)


def _datetimes(checks: RowChecks, values: pa.Array, column: str) -> npt.NDArray[np.int64]:
    expected = "an ISO 8601 date and time (`--time-unit datetime`)"
    if pa.types.is_timestamp(values.type) or pa.types.is_date(values.type):
        parsed = pd.Series(
            values.cast(pa.timestamp("us"), safe=False).to_numpy(zero_copy_only=False)
        )
    elif _is_text(values.type) or pa.types.is_null(values.type):
        texts = values.cast(pa.large_string()).to_numpy(zero_copy_only=False)
        parsed = pd.Series(
            pd.to_datetime(pd.Series(texts), format="ISO8601", errors="coerce", utc=True)
        ).dt.tz_localize(None)
    else:
        raise InputError(
            f"{checks.table}: column {column} is of type {values.type}. Expected {expected}. For "
            "integers choose `--time-unit s`, `ms` or `order`."
        )
    checks.refuse(pa.array(parsed.isna()), column, "is not a date and time", expected)
    return parsed.to_numpy("datetime64[us]").astype(np.int64)
