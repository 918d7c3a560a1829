from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data import log_columns
from sesrec_tf.data.log_chunk import ROW
from sesrec_tf.data.row_checks import RowChecks
from sesrec_tf.errors import InputError
from tests.data.small_logs import refused

FIRST = 100
"""Number of the first row of every table."""


def checks(values: object, dtype: object = None) -> RowChecks:
    """Of a table with one column as pandas holds it."""
    return _checks(pa.array(pd.Series(values, dtype=dtype), from_pandas=True))


def arrow_checks(values: list, kind: pa.DataType) -> RowChecks:
    return _checks(pa.array(values, kind))


def _checks(values: pa.Array) -> RowChecks:
    return RowChecks(pa.table({"x": values, ROW: np.arange(len(values)) + FIRST}), "t")


def reasons(checks: RowChecks) -> dict[int, str]:
    """What is wrong with the column `x` of each rejected row."""
    found = refused(checks)
    assert all(reason.startswith("x ") for _, reason, _ in found)
    places = {row - FIRST: reason.removeprefix("x ") for row, reason, _ in found}
    assert np.flatnonzero(~checks.usable).tolist() == list(places)
    return places


class TestIdentifiers:
    def test_text_is_verbatim(self) -> None:
        ids = log_columns.identifier_column(checks(["007", "NA", "null", "é"]), "x")
        assert ids.to_pylist() == ["007", "NA", "null", "é"]

    @pytest.mark.parametrize(
        "data",
        [
            checks([7, -3]),
            checks([7, -3], "Int64"),
            arrow_checks([7, -3], pa.int32()),
            checks(["7", "-3"], "category"),
        ],
    )
    def test_integers_are_decimals(self, data: RowChecks) -> None:
        assert log_columns.identifier_column(data, "x").to_pylist() == ["7", "-3"]

    @pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\u3000", "\u2028", "\x85", "\x1c"])
    def test_whitespace_is_refused(self, space: str) -> None:
        data = checks(["a", f"b{space}c", "d"])
        ids = log_columns.identifier_column(data, "x")
        assert reasons(data) == {1: "holds whitespace"}
        assert ids.filter(pa.array(data.usable)).to_pylist() == ["a", "d"]

    def test_empty_and_absent_are_refused(self) -> None:
        for values in (["a", ""], ["a", None]):
            data = checks(values)
            log_columns.identifier_column(data, "x")
            assert reasons(data) == {1: "is empty"}

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(InputError, match=r"t: column x is of type double. Expected text or"):
            log_columns.identifier_column(checks([1.0, 2.0]), "x")

    def test_bytes_must_be_utf8(self) -> None:
        with pytest.raises(InputError, match=r"t: column x is no UTF-8 text"):
            log_columns.identifier_column(arrow_checks([b"\xff"], pa.binary()), "x")

    def test_every_bad_row_is_refused_and_kept_as_it_was(self) -> None:
        data = checks(["a b", "c", "", "d", "e\nf"])
        log_columns.identifier_column(data, "x")
        assert refused(data) == [
            (FIRST, "x holds whitespace", '{"x": "a b"}'),
            (FIRST + 2, "x is empty", '{"x": ""}'),
            (FIRST + 4, "x holds a line break", '{"x": "e\\nf"}'),
        ]
        assert data.usable.tolist() == [False, True, False, True, False]


class TestIdentifierLists:
    def test_text(self) -> None:
        ids = log_columns.identifier_list_column(checks(["a b", "", " c  d"]), "x")
        assert ids.to_pylist() == [["a", "b"], [], ["c", "d"]]

    @pytest.mark.parametrize("kind", [pa.list_(pa.int64()), pa.large_list(pa.int8())])
    def test_lists(self, kind: pa.DataType) -> None:
        ids = log_columns.identifier_list_column(arrow_checks([[1, 2], None, [], [3]], kind), "x")
        assert ids.to_pylist() == [["1", "2"], [], [], ["3"]]

    def test_whitespace_other_than_spaces_is_refused(self) -> None:
        data = checks(["a b", "a\tb"])
        log_columns.identifier_list_column(data, "x")
        assert reasons(data) == {1: "holds whitespace other than spaces"}

    @pytest.mark.parametrize("bad", ["", "a b", None])
    def test_elements_of_lists_are_checked(self, bad: str | None) -> None:
        data = arrow_checks([[], ["a", bad], ["c"]], pa.list_(pa.string()))
        ids = log_columns.identifier_list_column(data, "x")
        assert reasons(data) == {1: "has an empty id or one that holds whitespace"}
        assert ids.filter(pa.array(data.usable)).to_pylist() == [[], ["c"]]


class TestQueries:
    def test_text_is_verbatim(self) -> None:
        queries = log_columns.query_column(checks([" red  Shoe", "\t"]), "x")
        assert queries.to_pylist() == [" red  Shoe", "\t"]

    @pytest.mark.parametrize("text", ["", "  ", None])
    def test_a_query_of_no_words_is_refused(self, text: str | None) -> None:
        data = checks(["red", text])
        log_columns.query_column(data, "x")
        assert reasons(data) == {1: "has no words"}

    @pytest.mark.parametrize("text", ["a\nb", "a\rb"])
    def test_line_breaks_are_refused(self, text: str) -> None:
        data = checks([text, "b"])
        log_columns.query_column(data, "x")
        assert reasons(data) == {0: "holds a line break"}


class TestTimes:
    @pytest.mark.parametrize("unit", ["s", "ms", "order"])
    def test_integers(self, unit: str) -> None:
        for data in (checks([3, -1]), checks(["3", "-1"]), checks(["+3", "-1"])):
            assert log_columns.time_column(data, "x", unit).tolist() == [3, -1]
            assert reasons(data) == {}

    @pytest.mark.parametrize("bad", ["", "1.5", "1e9", "soon", " 1", "+", "1-"])
    def test_a_value_that_is_no_integer_is_refused(self, bad: str) -> None:
        data = checks(["1", bad, "+7"])
        times = log_columns.time_column(data, "x", "s")
        assert times[data.usable].tolist() == [1, 7]
        assert refused(data) == [(FIRST + 1, "x is not an integer", f'{{"x": "{bad}"}}')]

    @pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1_672_531_200_000_000_000])
    def test_all_64_bits_are_read(self, value: int) -> None:
        for text in (str(value), f"{value:030d}"):
            data = checks([text])
            assert log_columns.time_column(data, "x", "s").tolist() == [value]
            assert reasons(data) == {}

    @pytest.mark.parametrize("text", [str(2**63), str(-(2**63) - 1), "9" * 30])
    def test_more_than_64_bits_are_told_from_no_integer(self, text: str) -> None:
        data = checks(["1", text, "soon", f"{2**63 - 1:030d}"])
        times = log_columns.time_column(data, "x", "s")
        assert times[data.usable].tolist() == [1, 2**63 - 1]
        assert reasons(data) == {
            1: "leaves the range of 64-bit integers",
            2: "is not an integer",
        }
        with pytest.raises(InputError, match=rf"an integer of at most 64 bits.*{text}"):
            log_columns.parse_instant(text, "valid-from", "s")

    def test_absent_values_are_refused(self) -> None:
        for data in (checks([1, None, 3], "Int64"), checks(["1", None, "3"])):
            times = log_columns.time_column(data, "x", "s")
            assert times[data.usable].tolist() == [1, 3]
            assert reasons(data) == {1: "is missing"}

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(InputError, match=r"type double"):
            log_columns.time_column(checks([1.0]), "x", "s")
        with pytest.raises(InputError, match=r"--time-unit"):
            log_columns.time_column(checks([pd.Timestamp(0)]), "x", "s")

    def test_unsigned_integers_may_leave_the_range(self) -> None:
        data = arrow_checks([2**63, 5, None, 2**63 - 1], pa.uint64())
        times = log_columns.time_column(data, "x", "s")
        assert times[data.usable].tolist() == [5, 2**63 - 1]
        assert reasons(data) == {0: "leaves the range of 64-bit integers", 2: "is missing"}

    def test_datetimes_are_microseconds_in_utc(self) -> None:
        # 1970-01-01T01:00:00.5+01:00 is half a second after the epoch.
        texts = ["1970-01-01T01:00:00.5+01:00", "1970-01-02", "1970-01-01 00:00:01"]
        ticks = log_columns.time_column(checks(texts), "x", "datetime")
        assert ticks.tolist() == [500_000, 86_400_000_000, 1_000_000]
        assert ticks.dtype == np.int64

    @pytest.mark.parametrize(
        "data",
        [
            checks([pd.Timestamp("1970-01-01 00:00:01.000001")]),
            checks([pd.Timestamp("1970-01-01 01:00:01.000001+01:00")]),
            arrow_checks([1_000_001_999], pa.timestamp("ns")),
            arrow_checks([1_000_001], pa.timestamp("us", "Europe/Berlin")),
        ],
    )
    def test_typed_datetimes(self, data: RowChecks) -> None:
        assert log_columns.time_column(data, "x", "datetime").tolist() == [1_000_001]

    def test_dates(self) -> None:
        data = arrow_checks([datetime.date(1970, 1, 2)], pa.date32())
        assert log_columns.time_column(data, "x", "datetime").tolist() == [86_400_000_000]

    @pytest.mark.parametrize("bad", ["yesterday", "", None])
    def test_a_value_that_is_no_date_is_refused(self, bad: str | None) -> None:
        data = checks(["1970-01-02", bad, "1970-01-01"])
        times = log_columns.time_column(data, "x", "datetime")
        assert times[data.usable].tolist() == [86_400_000_000, 0]
        assert reasons(data) == {1: "is not a date and time"}

    def test_integers_are_no_dates(self) -> None:
        with pytest.raises(InputError, match=r"type int64.*For integers choose `--time-unit s`"):
            log_columns.time_column(checks([1]), "x", "datetime")

    def test_instants_of_flags(self) -> None:
        assert log_columns.parse_instant("12", "valid-from", "ms") == 12
        assert log_columns.parse_instant("1970-01-01", "valid-from", "datetime") == 0
        with pytest.raises(InputError, match=r"`--valid-from` should be an integer.*'soon'"):
            log_columns.parse_instant("soon", "valid-from", "s")
        with pytest.raises(InputError, match=r"`--test-from` should be an ISO 8601 date.*'soon'"):
            log_columns.parse_instant("soon", "test-from", "datetime")
