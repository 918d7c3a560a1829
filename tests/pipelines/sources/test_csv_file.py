from __future__ import annotations

import gzip
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import csv_file
from pipelines.sources.csv_columns import INTEGER, INTEGER_LIST, TEXT
from pipelines.sources.csv_file import CsvFile
from sesrec_tf.data.log_chunk import CONTENT, EXPECTED, REASON, ROW
from sesrec_tf.errors import InputError

FEW, MANY = "line has too few values", "line has too many values"
CUT, NO_UTF8 = "line ends within a value", "line is no UTF-8 text"


def file_of(directory: Path, content: str | bytes, required: str = "ab") -> CsvFile:
    data = content.encode() if isinstance(content, str) else content
    (directory / "t.csv").write_bytes(data)
    return CsvFile(directory, "t.csv", list(required))


def rows_of(file: CsvFile, columns: str = "ab") -> list[tuple[Any, ...]]:
    """Number and values of every row."""
    chunks = file.chunks(dict.fromkeys(columns, TEXT))
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    return list(zip(*(rows[name].to_pylist() for name in (ROW, *columns)), strict=True))


def rejected_of(file: CsvFile, columns: str = "ab") -> list[tuple[int, str, str]]:
    """Line, reason and content of every rejected row."""
    chunks = file.chunks(dict.fromkeys(columns, TEXT))
    found = pa.concat_tables([chunk.rejected for chunk in chunks])
    names, lines = file.lines(found[ROW].to_numpy())
    assert set(names) <= {str(file.path)}
    texts = (found[name].to_pylist() for name in (REASON, CONTENT))
    return list(zip(lines.tolist(), *texts, strict=True))


def test_values_are_text_verbatim_and_columns_in_any_order(tmp_path: Path) -> None:
    file = file_of(tmp_path, '\ufeffb,c,a\r\nNA,1,007\r\n\r\n"x, ""y""",2,\r\n')
    assert file.header == ["b", "c", "a"]
    # The empty line has a number, too.
    assert rows_of(file) == [(0, "007", "NA"), (2, "", 'x, "y"')]
    assert rejected_of(file) == []


def test_a_gzipped_file_stands_in_for_an_absent_one(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "t.csv.gz", "wt") as packed:
        packed.write("a,b\n1,2\n")
    assert rows_of(CsvFile(tmp_path, "t.csv", ["a"])) == [(0, "1", "2")]
    assert rows_of(file_of(tmp_path, "a,b\n3,4\n")) == [(0, "3", "4")]


def test_chunks_are_no_larger_than_they_may_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", 3)
    file = file_of(tmp_path, "a,b\n" + "".join(f"{n},x\n" for n in range(8)) + "9\n")
    chunks = list(file.chunks({"a": TEXT}))
    assert [len(chunk.rows) for chunk in chunks] == [3, 3, 2]
    assert [len(chunk.rejected) for chunk in chunks] == [1, 0, 0]
    assert rows_of(file, "a") == [(n, str(n)) for n in range(8)]


@pytest.mark.parametrize("block", [1, 2, 5, 16, 1000])
def test_numbers_do_not_depend_on_the_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", block)
    file = file_of(tmp_path, b'a,b\n1,2\n\n3\n\r\n4,"5\n6,"7,"\n8,9,\n\xff,1\n"2",3')
    assert rows_of(file) == [(0, "1", "2"), (5, "6", "7,"), (8, "2", "3")]
    assert rejected_of(file) == [
        (4, FEW, "3"),
        (6, CUT, '4,"5'),
        (8, MANY, "8,9,"),
        (9, NO_UTF8, r"\xff,1"),
    ]


@pytest.mark.parametrize("content", ["a,b", "a,b\n", "a,b\n\n\n"])
def test_a_file_without_rows_gives_an_empty_chunk(tmp_path: Path, content: str) -> None:
    file = file_of(tmp_path, content)
    (chunk,) = file.chunks({"b": INTEGER})
    assert len(chunk.rows) == len(chunk.rejected) == 0
    assert chunk.rows.schema == pa.schema([("b", pa.int64()), (ROW, pa.int64())])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"3", FEW),
        (b" ", FEW),
        (b"1,2,3", MANY),
        (b"3,\xff", NO_UTF8),
        # Too many values and no text: Arrow cannot tell of such a line.
        (b"3,\xff,3", NO_UTF8),
        (b'3,"4', CUT),
        (b'"3', CUT),
        (b'3,"', CUT),
        (b'3,"4"",5', CUT),
        (b"3,4\r5,6", CUT),
        (b'3,"4\r5"', CUT),
    ],
)
def test_a_bad_line_costs_no_other(tmp_path: Path, line: bytes, reason: str) -> None:
    file = file_of(tmp_path, b'a,b\n1,2\n%s\n5,"6"\n7,8"\n' % line)
    # The columns that are not read make no difference.
    for columns in ("ab", "a"):
        assert [row[0] for row in rows_of(file, columns)] == [0, 2, 3]
        shown = line.decode(errors="backslashreplace")
        assert rejected_of(file, columns) == [(3, reason, shown)]
    assert rows_of(file)[1:] == [(2, "5", "6"), (3, "7", '8"')]


def test_nothing_but_bad_lines(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a,b\n1\n2,3,4\n")
    assert rows_of(file) == []
    assert rejected_of(file) == [(2, FEW, "1"), (3, MANY, "2,3,4")]


def test_several_bad_values_of_a_line_are_one_rejection(tmp_path: Path) -> None:
    file = file_of(tmp_path, 'a,b\n1,"[1, 2]"\nx,[3\n3,[4\n5,[]\n')
    (chunk,) = file.chunks({"a": INTEGER, "b": INTEGER_LIST})
    assert chunk.rows.to_pydict() == {"a": [1, 5], "b": ["1 2", ""], ROW: [0, 3]}
    assert chunk.rejected.to_pydict() == {
        ROW: [1, 2],
        REASON: ["a is not an integer", "b is not a list of integers"],
        EXPECTED: [INTEGER.expected, INTEGER_LIST.expected],
        CONTENT: ["x,[3", "3,[4"],
    }


# Pieces of lines, so that quotes open and close in every place.
PIECES = st.sampled_from([b'"', b",", b"x", b'""', b"\r", b"\n", b"\xff", b" "])


@settings(deadline=None, max_examples=150)
@given(st.lists(PIECES, max_size=12), st.lists(PIECES, max_size=12))
def test_lines_between_any_others_are_read(
    tmp_path_factory: pytest.TempPathFactory, before: list[bytes], after: list[bytes]
) -> None:
    content = b"a,b\n" + b"".join(before) + b'\n1,"2, 3"\n' + b"".join(after) + b"\n"
    file = file_of(tmp_path_factory.mktemp("csv"), content)
    place = before.count(b"\n") + 1
    rows, rejected = rows_of(file), rejected_of(file)
    assert (place, "1", "2, 3") in rows
    # Every line is a row, or rejected, or empty.
    lines = enumerate(content.split(b"\n"), 1)
    filled = [number for number, line in lines if number > 1 and line not in (b"", b"\r")]
    assert sorted([row[0] + 2 for row in rows] + [line for line, *_ in rejected]) == filled
    assert not any("\n" in value or "\r" in value for _, *values in rows for value in values)


def test_lines_of_rows(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a,b\n\n1,2\n")
    assert rows_of(file) == [(1, "1", "2")]
    names, lines = file.lines(np.array([1]))
    assert (names, lines.tolist()) == ([str(tmp_path / "t.csv")], [3])


def test_a_file_can_be_sent_elsewhere(tmp_path: Path) -> None:
    file = file_of(tmp_path, "a,b\n1,2\n")
    assert rows_of(pickle.loads(pickle.dumps(file))) == [(0, "1", "2")]


def test_a_missing_file_is_named_with_what_should_be_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*t\.csv.*columns a, b"):
        CsvFile(tmp_path, "t.csv", ["a", "b"])


def test_missing_and_repeated_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: missing column b\. .*Received: a, c\."):
        file_of(tmp_path, "a,c\n1,2\n")
    for empty in ("", "\n1,2\n"):
        with pytest.raises(InputError, match="missing column a, b"):
            file_of(tmp_path, empty)
    with pytest.raises(InputError, match="column b stands twice"):
        file_of(tmp_path, "a,b,b\n1,2,3\n")


@pytest.mark.parametrize("header", [b"a,b,\xff", b'a,"b', b"a,b\rc"])
def test_column_names_that_cannot_be_read(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(InputError, match=r"t\.csv, line 1: cannot read the column names"):
        file_of(tmp_path, header + b"\n1,2\n")


def test_a_cut_off_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,2\n" % n for n in range(9999)))
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    file = CsvFile(tmp_path, "t.csv", ["a"])
    with pytest.raises(InputError, match=r"cannot read .*t\.csv\.gz"):
        rows_of(file, "a")
    (tmp_path / "t.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"cannot read .*t\.csv\.gz"):
        CsvFile(tmp_path, "t.csv", ["a"])
