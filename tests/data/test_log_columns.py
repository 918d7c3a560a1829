from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data import log_columns
from sesrec_tf.errors import InputError


def frame(values: object, dtype: object = None) -> pd.DataFrame:
    return pd.DataFrame({"x": pd.Series(values, dtype=dtype)})


def arrow_frame(values: list, kind: pa.DataType) -> pd.DataFrame:
    table = pa.table({"x": pa.array(values, kind)})
    return table.to_pandas(types_mapper=pd.ArrowDtype)


class TestIdentifiers:
    def test_text_is_verbatim(self) -> None:
        ids = log_columns.identifier_column(frame(["007", "NA", "null", "é"]), "t", "x")
        assert ids.to_pylist() == ["007", "NA", "null", "é"]

    @pytest.mark.parametrize(
        "data",
        [
            frame([7, -3]),
            frame([7, -3], "Int64"),
            arrow_frame([7, -3], pa.int32()),
            frame(["7", "-3"], "category"),
        ],
    )
    def test_integers_are_decimals(self, data: pd.DataFrame) -> None:
        assert log_columns.identifier_column(data, "t", "x").to_pylist() == ["7", "-3"]

    @pytest.mark.parametrize("space", [" ", "\t", "\u00a0", "\u3000", "\u2028", "\x85", "\x1c"])
    def test_whitespace_is_refused(self, space: str) -> None:
        with pytest.raises(InputError, match=r"t: x of data row 2 holds whitespace"):
            log_columns.identifier_column(frame(["a", f"b{space}c"]), "t", "x")

    def test_empty_and_absent_are_refused(self) -> None:
        for values in (["a", ""], ["a", None]):
            with pytest.raises(InputError, match=r"t: x of data row 2 is empty"):
                log_columns.identifier_column(frame(values), "t", "x")

    def test_other_types_are_refused(self) -> None:
        with pytest.raises(InputError, match=r"type double. Expected text or integers"):
            log_columns.identifier_column(frame([1.0, 2.0]), "t", "x")
        with pytest.raises(InputError, match=r"mixes types"):
            log_columns.identifier_column(frame(["a", 1]), "t", "x")

    def test_bytes_must_be_utf8(self) -> None:
        data = arrow_frame([b"\xff"], pa.binary())
        with pytest.raises(InputError, match=r"no UTF-8 text"):
            log_columns.identifier_column(data, "t", "x")

    def test_error_counts_the_rows(self) -> None:
        with pytest.raises(InputError, match=r"\(and 1,999 more rows\).*Received: ''"):
            log_columns.identifier_column(frame([""] * 2000), "t", "x")


class TestIdentifierLists:
    def test_text(self) -> None:
        offsets, ids = log_columns.identifier_list_column(frame(["a b", "", " c  d"]), "t", "x")
        assert offsets.tolist() == [0, 2, 2, 4]
        assert ids.to_pylist() == ["a", "b", "c", "d"]

    def test_lists(self) -> None:
        data = arrow_frame([[1, 2], None, [], [3]], pa.list_(pa.int64()))
        offsets, ids = log_columns.identifier_list_column(data, "t", "x")
        assert offsets.tolist() == [0, 2, 2, 2, 3]
        assert ids.to_pylist() == ["1", "2", "3"]

    def test_whitespace_other_than_spaces_is_refused(self) -> None:
        with pytest.raises(InputError, match=r"data row 2 holds whitespace other than spaces"):
            log_columns.identifier_list_column(frame(["a b", "a\tb"]), "t", "x")

    @pytest.mark.parametrize("bad", ["", "a b", None])
    def test_elements_of_lists_are_checked(self, bad: str | None) -> None:
        data = arrow_frame([[], ["a", bad]], pa.list_(pa.string()))
        with pytest.raises(InputError, match=r"data row 2 has an empty id or one that holds"):
            log_columns.identifier_list_column(data, "t", "x")


class TestQueries:
    def test_a_query_of_no_words_is_refused(self) -> None:
        for text in ("", "  ", None):
            with pytest.raises(InputError, match=r"t: x of data row 2 has no words"):
                log_columns.query_column(frame(["red", text]), "t", "x")

    def test_line_breaks_are_refused(self) -> None:
        for text in ("a\nb", "a\rb"):
            with pytest.raises(InputError, match=r"data row 1 holds a line break"):
                log_columns.query_column(frame([text]), "t", "x")


class TestTimes:
    @pytest.mark.parametrize("unit", ["s", "ms", "order"])
    def test_integers(self, unit: str) -> None:
        for data in (frame([3, -1]), frame(["3", "-1"]), frame(["+3", "-1"])):
            assert log_columns.time_column(data, "t", "x", unit).tolist() == [3, -1]

    @pytest.mark.parametrize("bad", ["", "1.5", "1e9", "soon", " 1", "+", "1-"])
    def test_a_value_that_is_no_integer_is_named(self, bad: str) -> None:
        with pytest.raises(InputError, match=r"t: x of data row 2 is not an integer") as caught:
            log_columns.time_column(frame(["1", bad]), "t", "x", "s")
        assert repr(bad) in str(caught.value)

    @pytest.mark.parametrize("value", [2**63 - 1, -(2**63), 1_672_531_200_000_000_000])
    def test_all_64_bits_are_read(self, value: int) -> None:
        for text in (str(value), f"{value:030d}"):
            assert log_columns.time_column(frame([text]), "t", "x", "s").tolist() == [value]

    @pytest.mark.parametrize("text", [str(2**63), str(-(2**63) - 1), "9" * 30])
    def test_more_than_64_bits_are_told_from_no_integer(self, text: str) -> None:
        with pytest.raises(InputError, match=rf"leaves the range of 64-bit integers.*{text}"):
            log_columns.time_column(frame(["1", text]), "t", "x", "s")
        with pytest.raises(InputError, match=rf"an integer of at most 64 bits.*{text}"):
            log_columns.parse_instant(text, "valid-from", "s")

    def test_absent_values_and_other_types_are_refused(self) -> None:
        with pytest.raises(InputError, match=r"data row 2 is missing"):
            log_columns.time_column(frame([1, None], "Int64"), "t", "x", "s")
        with pytest.raises(InputError, match=r"type double"):
            log_columns.time_column(frame([1.0]), "t", "x", "s")
        with pytest.raises(InputError, match=r"--time-unit"):
            log_columns.time_column(frame([pd.Timestamp(0)]), "t", "x", "s")
        with pytest.raises(InputError, match=r"range of 64-bit"):
            log_columns.time_column(arrow_frame([2**63], pa.uint64()), "t", "x", "s")

    def test_datetimes_are_microseconds_in_utc(self) -> None:
        # 1970-01-01T01:00:00.5+01:00 is half a second after the epoch.
        texts = ["1970-01-01T01:00:00.5+01:00", "1970-01-02", "1970-01-01 00:00:01"]
        ticks = log_columns.time_column(frame(texts), "t", "x", "datetime")
        assert ticks.tolist() == [500_000, 86_400_000_000, 1_000_000]
        assert ticks.dtype == np.int64

    @pytest.mark.parametrize(
        "data",
        [
            frame([pd.Timestamp("1970-01-01 00:00:01.000001")]),
            frame([pd.Timestamp("1970-01-01 01:00:01.000001+01:00")]),
            arrow_frame([1_000_001_999], pa.timestamp("ns")),
            arrow_frame([1_000_001], pa.timestamp("us", "Europe/Berlin")),
        ],
    )
    def test_typed_datetimes(self, data: pd.DataFrame) -> None:
        assert log_columns.time_column(data, "t", "x", "datetime").tolist() == [1_000_001]

    def test_dates(self) -> None:
        data = arrow_frame([datetime.date(1970, 1, 2)], pa.date32())
        assert log_columns.time_column(data, "t", "x", "datetime").tolist() == [86_400_000_000]

    def test_a_value_that_is_no_date_is_named(self) -> None:
        for bad in ("yesterday", "", None):
            with pytest.raises(InputError, match=r"data row 2 is not a date and time"):
                log_columns.time_column(frame(["1970-01-01", bad]), "t", "x", "datetime")
        with pytest.raises(InputError, match=r"type int64.*--time-unit s"):
            log_columns.time_column(frame([1]), "t", "x", "datetime")

    def test_instants_of_flags(self) -> None:
        assert log_columns.parse_instant("12", "valid-from", "ms") == 12
        assert log_columns.parse_instant("1970-01-01", "valid-from", "datetime") == 0
        with pytest.raises(InputError, match=r"`--valid-from` should be an integer.*'soon'"):
            log_columns.parse_instant("soon", "valid-from", "s")
