from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pipelines.sources import csv_file
from pipelines.sources.csv_file import CsvFile
from sesrec_tf.errors import InputError


def file_of(directory: Path, content: str | bytes, required: str = "ab") -> CsvFile:
    data = content.encode() if isinstance(content, str) else content
    (directory / "t.csv").write_bytes(data)
    return CsvFile(directory, "t.csv", list(required))


def rows_of(file: CsvFile, columns: str) -> list[tuple[str, ...]]:
    found = []
    for rows in file.batches(list(columns)):
        assert rows.first == len(found)
        found += list(zip(*(rows.columns[name].to_pylist() for name in columns), strict=True))
    return found


def test_values_are_text_verbatim_and_columns_in_any_order(tmp_path: Path) -> None:
    file = file_of(tmp_path, '\ufeffb,c,a\r\nNA,1,007\r\n\r\n"x, ""y""",2,\r\n')
    assert file.header == ["b", "c", "a"]
    assert rows_of(file, "ab") == [("007", "NA"), ("", 'x, "y"')]


def test_a_gzipped_file_stands_in_for_an_absent_one(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "t.csv.gz", "wt") as packed:
        packed.write("a,b\n1,2\n")
    assert rows_of(CsvFile(tmp_path, "t.csv", ["a"]), "ab") == [("1", "2")]
    assert rows_of(file_of(tmp_path, "a,b\n3,4\n"), "ab") == [("3", "4")]


def test_batches_are_no_larger_than_a_chunk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(csv_file, "CHUNK_ROWS", 3)
    file = file_of(tmp_path, "a,b\n" + "".join(f"{n},x\n" for n in range(8)))
    assert [len(rows.columns) for rows in file.batches(["a"])] == [3, 3, 2]
    assert rows_of(file, "a") == [(str(n),) for n in range(8)]


def test_blocks_follow_one_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_file, "BLOCK_BYTES", 16)
    file = file_of(tmp_path, "a,b\n" + "".join(f'{n},"x\n,"\n' for n in range(9)))
    assert rows_of(file, "ab") == [(str(n), "x\n,") for n in range(9)]


def test_a_file_without_rows_gives_one_empty_batch(tmp_path: Path) -> None:
    (rows,) = file_of(tmp_path, "a,b\n").batches(["b"])
    assert rows.first == len(rows.columns) == 0
    assert rows.columns.schema.names == ["b"]


def test_integers_may_be_written_as_floats(tmp_path: Path) -> None:
    (rows,) = (file := file_of(tmp_path, "a,b\n12,9007199254740993\n-3.0,5\n1.5e3,7\n")).batches(
        "ab"
    )
    assert file.integers(rows, "a").tolist() == [12, -3, 1500]
    # 2^53 + 1 is no float: plain integers never become one.
    assert file.integers(rows, "b").tolist() == [9007199254740993, 5, 7]


@pytest.mark.parametrize("value", ["", "1.5", "x", "nan", "inf", "1e999", "9007199254740993.0"])
def test_a_value_that_is_no_integer_is_named_with_its_line(tmp_path: Path, value: str) -> None:
    # The header is line 1; a quoted line break and an empty line are lines as well.
    file = file_of(tmp_path, f'a,b\n1,"x\ny"\n\n2,z\n{value},z\n')
    (rows,) = file.batches(["a"])
    with pytest.raises(InputError, match=r"t\.csv, line 6: a is not an integer") as error:
        file.integers(rows, "a")
    assert repr(value) in str(error.value)


def test_a_value_that_is_no_list_is_named_with_its_line(tmp_path: Path) -> None:
    (rows,) = (file := file_of(tmp_path, 'a,b\n1,"[1, 2]"\n2,[3\n')).batches(["b"])
    with pytest.raises(InputError, match=r"t\.csv, line 3: b is not a list of integers"):
        file.integer_lists(rows, "b")


def test_a_missing_file_is_named_with_what_should_be_in_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*t\.csv.*columns a, b"):
        CsvFile(tmp_path, "t.csv", ["a", "b"])


def test_missing_and_repeated_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"line 1: missing column b\. .*Received: a, c\."):
        file_of(tmp_path, "a,c\n1,2\n")
    with pytest.raises(InputError, match="missing column a, b"):
        file_of(tmp_path, "")
    with pytest.raises(InputError, match="column b stands twice"):
        file_of(tmp_path, "a,b,b\n1,2,3\n")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a,b\n1,2\n\n3\n", "line 4: .*1 values for 2 columns"),
        (b"a,b\n1,2\n1,2,3\n", "line 3: .*3 values for 2 columns"),
        (b"a,b\n1,2\n3,\xff\n", "line 3: .*no UTF-8 text"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        rows_of(file_of(tmp_path, content), "ab")


def test_a_cut_off_gzip_file_is_refused(tmp_path: Path) -> None:
    whole = gzip.compress(b"a,b\n" + b"".join(b"%d,2\n" % n for n in range(9999)))
    (tmp_path / "t.csv.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"t\.csv\.gz: cannot read"):
        rows_of(CsvFile(tmp_path, "t.csv", ["a"]), "a")
    (tmp_path / "t.csv.gz").write_bytes(b"a,b\n1,2\n")
    with pytest.raises(InputError, match=r"t\.csv\.gz: cannot read"):
        CsvFile(tmp_path, "t.csv", ["a"])
