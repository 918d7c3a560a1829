"""Validated columns of the log tables, as Arrow and NumPy arrays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from sesrec_tf.data.query_words import split_words
from sesrec_tf.errors import InputError

# RE2's \s is ASCII only; the rest is what Unicode and Python call white space.
_WHITESPACE = r"[\s\x0b\x1c-\x1f\x{85}\p{Z}]"
# TensorFlow's vocabulary reader drops carriage returns and ends a line at "\n".
_LINE_BREAK = r"[\n\r]"
# White space alone before the first " > ", between two or after the last.
_EMPTY_LEVEL = r"^\s*$|^\s*> | >\s+> | >\s*$"
_INTEGER = r"^[+-]?[0-9]+$"

TICKS_PER_SECOND = {"s": 1, "ms": 1_000, "datetime": 1_000_000, "order": None}
"""Resolution of the int64 times kept for each time unit; positions have none."""


def text_column(frame: pd.DataFrame, table: str, column: str) -> pa.Array:
    """One column as strings; integers become their decimal digits, absent values "".

    Returns:
        A `large_string` array without nulls.

    Raises:
        InputError: if the values are of another type, or hold a line break.
    """
    values = _arrow_column(frame, table, column)
    values = pc.fill_null(_as_text(values, table, column), "")
    broken = pc.match_substring_regex(values, _LINE_BREAK)
    _refuse(broken, values, table, column, "holds a line break", "text on one line")
    return values


def identifier_column(frame: pd.DataFrame, table: str, column: str) -> pa.Array:
    """One column of ids, verbatim.

    Raises:
        InputError: naming the first row whose id is empty or holds whitespace.
    """
    values = text_column(frame, table, column)
    expected = "an id without whitespace"
    _refuse(pc.equal(values, ""), values, table, column, "is empty", expected)
    spaced = pc.match_substring_regex(values, _WHITESPACE)
    _refuse(spaced, values, table, column, "holds whitespace", expected)
    return values


def query_column(frame: pd.DataFrame, table: str, column: str) -> pa.Array:
    """One column of query texts, verbatim, each of at least one word.

    Raises:
        InputError: naming the first row whose query has no word.
    """
    values = text_column(frame, table, column)
    wordless = pc.invert(pc.match_substring_regex(values, "[^ ]"))
    _refuse(wordless, values, table, column, "has no words", "words separated by spaces")
    return values


def identifier_list_column(
    frame: pd.DataFrame, table: str, column: str
) -> tuple[npt.NDArray[np.int64], pa.Array]:
    """One column of space-separated ids, or of lists of ids.

    Returns:
        Offsets `[rows + 1]` and the ids of all rows one after another, verbatim.

    Raises:
        InputError: naming the first row with an id that holds whitespace other than spaces.
    """
    values = _arrow_column(frame, table, column)
    if pa.types.is_list(values.type) or pa.types.is_large_list(values.type):
        return _identifier_lists(values, table, column)
    values = text_column(frame, table, column)
    # Spaces separate; the other kinds of whitespace would hide inside an id.
    without_spaces = pc.replace_substring(values, " ", "")
    spaced = pc.match_substring_regex(without_spaces, _WHITESPACE)
    expected = "ids separated by spaces"
    _refuse(spaced, values, table, column, "holds whitespace other than spaces", expected)
    return split_words(values)


def require_levels(values: pa.Array, table: str, column: str) -> None:
    """Checks a column of paths, levels separated by " > "; an empty value is no path.

    Args:
        values: all rows of the column, from `text_column`.
        table, column: its names, for messages.

    Raises:
        InputError: naming the first row with an empty level.
    """
    empty = pc.match_substring_regex(values, _EMPTY_LEVEL)
    wrong = pc.and_(empty, pc.not_equal(values, ""))
    expected = "a name at every level of a ` > ` path, or nothing at all"
    _refuse(wrong, values, table, column, "has an empty level", expected)


def time_column(
    frame: pd.DataFrame, table: str, column: str, time_unit: str
) -> npt.NDArray[np.int64]:
    """One column of times as int64 ticks, `TICKS_PER_SECOND[time_unit]` a second.

    Raises:
        InputError: naming the first row whose value is no time of this unit.
    """
    values = _arrow_column(frame, table, column)
    if time_unit == "datetime":
        return _datetimes(values, table, column)
    expected = f"an integer (`--time-unit {time_unit}`)"
    if not (pa.types.is_integer(values.type) or _is_text(values.type)):
        raise InputError(
            f"{table}: column {column} is of type {values.type}. Expected integers "
            f"(`--time-unit {time_unit}`). Convert the values, or choose another `--time-unit`."
        )
    _refuse(pc.is_null(values), values, table, column, "is missing", expected)
    if _is_text(values.type):
        wrong = pc.invert(pc.match_substring_regex(values, _INTEGER))
        _refuse(wrong, values, table, column, "is not an integer", expected)
        values = pc.utf8_ltrim(values.cast(pa.large_string()), characters="+")
    try:
        return values.cast(pa.int64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise InputError(
            f"{table}: column {column} leaves the range of 64-bit integers ({error}). Expected "
            f"{expected}. Mend the values."
        ) from error


def parse_instant(value: str | int, flag: str, time_unit: str) -> int:
    """One time of a command line, in the ticks of `time_column`.

    Raises:
        InputError: if it is no time of this unit.
    """
    try:
        return int(time_column(pd.DataFrame({flag: [str(value)]}), "", flag, time_unit)[0])
    except InputError:
        integer = "an integer of at most 64 bits"
        unit = "an ISO 8601 date" if time_unit == "datetime" else integer
        raise InputError(
            f"`--{flag}` should be {unit}, as the logs have (`--time-unit {time_unit}`). "
            f"Received: {value!r}."
        ) from None


def _arrow_column(frame: pd.DataFrame, table: str, column: str) -> pa.Array:
    try:
        values = pa.array(frame[column], from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InputError(
            f"{table}: column {column} mixes types ({error}). Expected values of one type. Write "
            "them all as text."
        ) from error
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    return values


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


def _identifier_lists(
    lists: pa.Array, table: str, column: str
) -> tuple[npt.NDArray[np.int64], pa.Array]:
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy(zero_copy_only=False)
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = pc.fill_null(_as_text(lists.flatten(), table, column), "")
    spaced = pc.or_(pc.equal(ids, ""), pc.match_substring_regex(ids, _WHITESPACE))
    wrong = np.zeros(len(lists), np.bool_)
    row = np.repeat(np.arange(len(lists)), lengths)
    wrong[row[spaced.to_numpy(zero_copy_only=False)]] = True
    problem = "has an empty id or one that holds whitespace"
    _refuse(pa.array(wrong), lists, table, column, problem, "a list of ids")
    return offsets, ids


def _datetimes(values: pa.Array, table: str, column: str) -> npt.NDArray[np.int64]:
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
            f"{table}: column {column} is of type {values.type}. Expected {expected}. For "
            "integers choose `--time-unit s`, `ms` or `order`."
        )
    _refuse(pa.array(parsed.isna()), values, table, column, "is not a date and time", expected)
    return parsed.to_numpy("datetime64[us]").astype(np.int64)


def _refuse(
    wrong: pa.Array, values: pa.Array, table: str, column: str, problem: str, expected: str
) -> None:
    rows = np.flatnonzero(pc.fill_null(wrong, True).to_numpy(zero_copy_only=False))
    if len(rows) == 0:
        return
    more = f" (and {len(rows) - 1:,} more rows)" if len(rows) > 1 else ""
    raise InputError(
        f"{table}: {column} of data row {rows[0] + 1} {problem}{more}. Expected {expected}. "
        f"Received: {values[int(rows[0])].as_py()!r}. Mend or drop the row."
    )
