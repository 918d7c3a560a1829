from __future__ import annotations

import csv
import gzip
import io
import json
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data import csv_log_file, parquet_log_file
from sesrec_tf.data.log_chunk import CONTENT, EXPECTED, PART_ROWS, REASON, REJECTED, ROW
from sesrec_tf.data.log_files import LogFiles
from sesrec_tf.data.stored_file import find_files
from sesrec_tf.errors import InputError

CSV = 'item_id,user_id,timestamp,more\n"a,b",007,1,x\nNA,null,2,\n"q""uote",1.0,3,y\n'
HEADER = "user_id,item_id,timestamp\n"
FEED = {"user_id": ["007", "null", "1.0"], "item_id": ["a,b", "NA", 'q"uote']}


def reader(place: Path | str, table: str = "interactions") -> LogFiles:
    return LogFiles({table: find_files(place, table)})


def read(place: Path | str, table: str = "interactions") -> pa.Table:
    """All rows of all parts; none is rejected."""
    logs = reader(place, table)
    chunks = [each for part in range(logs.parts(table)) for each in logs.chunks(table, part)]
    assert all(chunk.rejected.schema == REJECTED for chunk in chunks)
    assert not any(len(chunk.rejected) for chunk in chunks)
    return pa.concat_tables([chunk.rows for chunk in chunks])


def columns(rows: pa.Table) -> dict[str, list]:
    return {name: rows[name].to_pylist() for name in FEED}


def split(place: Path, table: str = "interactions") -> tuple[dict[int, list], dict[int, tuple]]:
    """Values of the rows and reason and content of the rejected ones, by number."""
    rows: dict[int, list] = {}
    rejected: dict[int, tuple] = {}
    for chunk in reader(place, table).chunks(table):
        values = chunk.rows.drop_columns([ROW]).to_pylist()
        rows |= zip(chunk.rows[ROW].to_pylist(), (list(v.values()) for v in values), strict=True)
        bad = chunk.rejected.to_pylist()
        assert [each[ROW] for each in bad] == sorted(each[ROW] for each in bad)
        rejected |= {each[ROW]: (each[REASON], each[CONTENT]) for each in bad}
    assert not rows.keys() & rejected.keys()
    return rows, rejected


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, CSV.replace("\n", "\r\n"), CSV[:-1]])
def test_csv_is_verbatim(tmp_path: Path, text: str) -> None:
    file = tmp_path / "feed.csv"
    file.write_bytes(text.encode())
    rows = read(file)
    assert columns(rows) == FEED
    assert rows.column_names == ["user_id", "item_id", "timestamp", ROW]
    assert rows["timestamp"].to_pylist() == ["1", "2", "3"]
    assert rows[ROW].to_pylist() == [0, 1, 2]
    assert rows.schema.types == [pa.string()] * 3 + [pa.int64()]


def test_gzipped_csv(tmp_path: Path) -> None:
    file = tmp_path / "feed.v1.csv.gz"
    # Two members, as `cat a.gz b.gz` makes them.
    content = CSV.encode()
    file.write_bytes(gzip.compress(content[:20]) + gzip.compress(content[20:]))
    assert columns(read(file)) == FEED


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [7, 8], "item_id": ["a", "b"], "timestamp": [1, 2], "x": 0})
    frame.to_parquet(tmp_path / "feed.parquet")
    (tmp_path / "feed.parquet.gz").write_bytes(
        gzip.compress((tmp_path / "feed.parquet").read_bytes())
    )
    for name in ("feed.parquet", "feed.parquet.gz"):
        rows = read(tmp_path / name)
        assert rows["user_id"].to_pylist() == [7, 8]
        assert rows["user_id"].type == pa.int64()
        assert rows.column_names == ["user_id", "item_id", "timestamp", ROW]


def test_a_pandas_index_is_a_column_if_it_has_a_name(tmp_path: Path) -> None:
    for users in ([7, 9, 7], [7, 8, 9], ["u", "v", "w"]):
        frame = pd.DataFrame({"user_id": users, "item_id": [*"abc"], "timestamp": [1, 2, 3]})
        frame.set_index("user_id").to_parquet(tmp_path / "feed.parquet")
        rows = read(tmp_path / "feed.parquet")
        assert rows["user_id"].to_pylist() == users
        assert rows["item_id"].to_pylist() == [*"abc"]
    frame.set_index(["user_id", "item_id"]).to_parquet(tmp_path / "items.parquet")
    assert read(tmp_path / "items.parquet", "items")["item_id"].to_pylist() == [*"abc"]
    # What is left of a table after a selection has an index without a name, which is no attribute.
    frame[["item_id", "user_id"]].iloc[[1]].to_parquet(tmp_path / "items.parquet")
    names = read(tmp_path / "items.parquet", "items").column_names
    assert names == ["item_id", "user_id", ROW]


def test_an_index_of_consecutive_integers_goes_in_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_log_file, "CHUNK_ROWS", 2)
    items = pd.DataFrame({"brand": [*"vwxyz"]}, index=pd.RangeIndex(5, 20, 3, name="item_id"))
    items.to_parquet(tmp_path / "items.parquet")
    chunks = list(reader(tmp_path / "items.parquet", "items").chunks("items"))
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    assert rows["item_id"].to_pylist() == [5, 8, 11, 14, 17]
    assert rows[ROW].to_pylist() == [0, 1, 2, 3, 4]
    assert rows["brand"].to_pylist() == [*"vwxyz"]


def test_the_last_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [7], "item_id": ["a"], "timestamp": [1]})
    frame.to_parquet(tmp_path / "feed.csv.parquet")
    content = (tmp_path / "feed.csv.parquet").read_bytes()
    (tmp_path / "feed.csv.parquet.gz").write_bytes(gzip.compress(content))
    (tmp_path / "feed.parquet.csv").write_text(CSV)
    assert read(tmp_path / "feed.csv.parquet")["user_id"].to_pylist() == [7]
    assert read(tmp_path / "feed.csv.parquet.gz")["user_id"].to_pylist() == [7]
    assert columns(read(tmp_path / "feed.parquet.csv")) == FEED


def test_attributes_and_optional_columns_are_kept(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("brand,item_id\n,a\n")
    rows = read(tmp_path / "items.csv", "items")
    assert rows.column_names == ["brand", "item_id", ROW]
    assert rows["brand"].to_pylist() == [""]
    (tmp_path / "feed.csv").write_text("split,user_id,item_id,x,timestamp\nvalid,u,a,,1\n")
    rows = read(tmp_path / "feed.csv")
    assert rows.column_names == ["user_id", "item_id", "timestamp", "split", ROW]
    table = pa.table(
        {"user_id": ["u"], "item_id": ["a"], "timestamp": [1], "negative_item_ids": [["b", "c"]]}
    )
    pyarrow.parquet.write_table(table, tmp_path / "feed.parquet")
    assert read(tmp_path / "feed.parquet")["negative_item_ids"].to_pylist() == [["b", "c"]]


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "parquet"])
@pytest.mark.parametrize("count", [0, 1, 6, 100])
def test_no_chunk_is_larger_than_allowed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, count: int
) -> None:
    monkeypatch.setattr(csv_log_file, "BLOCK_BYTES", 64)
    for module in (csv_log_file, parquet_log_file):
        monkeypatch.setattr(module, "CHUNK_ROWS", 6)
    users = [f"user{number}" for number in range(count)]
    table = pa.table({"user_id": pa.array(users, pa.string())})
    file = tmp_path / f"users.{kind}"
    if kind == "parquet":
        pyarrow.parquet.write_table(table, file, row_group_size=9)
    else:
        text = "\n".join(["user_id", *users]).encode()
        file.write_bytes(gzip.compress(text) if kind == "csv.gz" else text)
    chunks = list(reader(file, "users").chunks("users"))
    assert max(len(chunk.rows) for chunk in chunks) == min(count, 6)
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    assert rows["user_id"].to_pylist() == users
    assert rows["user_id"].type == pa.string()
    assert rows[ROW].to_pylist() == list(range(count))


def test_a_chunk_is_at_most_so_many_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_log_file, "BLOCK_BYTES", 64)
    monkeypatch.setattr(csv_log_file, "_CHUNK_BLOCKS", 4)
    lines = [f"{number}," for number in range(500)]
    (tmp_path / "users.csv").write_text("\n".join(["user_id", "u", *lines, "v"]))
    chunks = list(reader(tmp_path / "users.csv", "users").chunks("users"))
    # Even where no row fits.
    assert 10 < max(len(chunk.rejected) for chunk in chunks) < 100
    rejected = pa.concat_tables([chunk.rejected for chunk in chunks])
    assert rejected[ROW].to_pylist() == list(range(1, 501))
    assert rejected[CONTENT].to_pylist() == lines
    rows = pa.concat_tables([chunk.rows for chunk in chunks])
    assert rows.to_pydict() == {"user_id": ["u", "v"], ROW: [0, 501]}


def test_rows_of_another_width_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(HEADER + 'u,a,1\n\nu,a\r\n"v\n,",b,2\n\nu,"a\n",1,2\nw,c,3\n,,,\n')
    rows, rejected = split(file)
    assert rows == {0: ["u", "a", "1"], 2: ["v\n,", "b", "2"], 4: ["w", "c", "3"]}
    assert rejected == {
        1: ("line has too few values", "u,a"),
        3: ("line has too many values", 'u,"a\n",1,2'),
        5: ("line has too many values", ",,,"),
    }
    (chunk,) = reader(file).chunks("interactions")
    assert set(chunk.rejected[EXPECTED].to_pylist()) == {"3 values, as many as column names"}
    # 1: header, 2: u, 3: blank, 4: u, 5 and 6: v, 7: blank, 8 and 9: u, 10: w.
    names, lines = reader(file).lines("interactions", np.arange(6))
    assert names == [str(file)] * 6
    assert lines.tolist() == [2, 4, 5, 8, 10, 11]
    assert reader(file).lines("interactions", np.array([3]))[1].tolist() == [8]
    assert reader(file).lines("interactions", np.array([], np.int64))[0] == []


def test_rows_that_are_no_utf8_are_rejected(tmp_path: Path) -> None:
    file = tmp_path / "searches.csv"
    # The fourth row is wrong in two ways, the fifth in a column that is not read.
    file.write_bytes(
        b"user_id,session_id,query,source,clicked_item_ids,timestamp,more\n"
        b"u,1,caf\xc3\xa9,,,1,\n"
        b"u,2,caf\xe9,,,2,\n"
        b"\xff\xfe,3,\xe9,,,3,\n"
        b"u,\xe9\n"
        b"u,5,x,,,5,\xe9\n"
        b"u,6,x,,,6,\xc3"
    )
    rows, rejected = split(file, "searches")
    assert {row: values[2] for row, values in rows.items()} == {0: "café", 4: "x", 5: "x"}
    reasons = {row: reason for row, (reason, _) in rejected.items()}
    assert reasons == {
        1: "query is no UTF-8 text",
        2: "user_id is no UTF-8 text",
        3: "line has too few values",
    }
    assert json.loads(rejected[2][1])["user_id"] == "\\xff\\xfe"
    assert rejected[3][1] == "u,\\xe9"


def test_lines_where_every_line_is_a_row(tmp_path: Path) -> None:
    for line_break in ("\n", "\r\n", "\r"):
        text = HEADER + "".join(f"u,a,{number}\n" for number in range(200_000))
        (tmp_path / "feed.csv").write_text(text.replace("\n", line_break), newline="")
        rows = np.array([0, 3, 199_999])
        _, lines = reader(tmp_path / "feed.csv").lines("interactions", rows)
        assert lines.tolist() == [2, 5, 200_001]


QUOTE = '"'

value = st.text(st.sampled_from([*'ab,"\n\ré€😀']), max_size=5)
row = st.lists(value, min_size=1, max_size=4)


@settings(deadline=None, max_examples=200)
@given(
    rows=st.lists(
        st.one_of(st.just([]), row, st.lists(value, min_size=2, max_size=2)), max_size=40
    ),
    line_break=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_rows_and_lines_are_those_written(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], line_break: str, last: bool
) -> None:
    text, written, lines = f"item_id,x{line_break}", [], []
    for values in rows:
        if values:
            written.append(values)
            # "\r\n" is one line break, wherever it stands.
            lines.append(1 + len(io.StringIO(text + ".", newline=None).readlines()) - 1)
        text += ",".join(f'"{each.replace(QUOTE, 2 * QUOTE)}"' for each in values) + line_break
    text = text if last else text.removesuffix(line_break)
    file = tmp_path_factory.mktemp("written") / "items.csv"
    file.write_bytes(text.encode())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv_log_file, "BLOCK_BYTES", 256)
        patch.setattr(csv_log_file, "CHUNK_ROWS", 3)
        good, rejected = split(file, "items")
    assert good == {n: values for n, values in enumerate(written) if len(values) == 2}
    assert rejected.keys() == {n for n, values in enumerate(written) if len(values) != 2}
    assert reader(file, "items").lines("items", np.arange(len(written)))[1].tolist() == lines


@settings(deadline=None, max_examples=300)
@given(
    body=st.lists(st.sampled_from([*'a,"\n\r', "é", "\udcff", "\0", "\n\n"]), max_size=30).map(
        "".join
    )
)
def test_any_bytes_are_rows_rejected_or_an_open_quote(
    tmp_path_factory: pytest.TempPathFactory, body: str
) -> None:
    file = tmp_path_factory.mktemp("any") / "items.csv"
    file.write_bytes(b"item_id,x\n" + body.encode(errors="surrogateescape"))
    # Python's parser is another one, and tells by a last row whether a quote is open.
    text = body.replace("\0", "\udcff") + "\nTHE,END\n"
    *records, end = filter(None, csv.reader(io.StringIO(text, newline="")))
    if end != ["THE", "END"]:
        with pytest.raises(InputError, match="a quoted value does not end"):
            split(file, "items")
        return
    good, rejected = split(file, "items")
    fits = [len(values) == 2 and "\udcff" not in "".join(values) for values in records]
    assert good == {n: values for n, values in enumerate(records) if fits[n]}
    assert rejected.keys() == {n for n in range(len(records)) if not fits[n]}


def test_an_open_quote_is_one_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "feed.csv"
    file.write_text(HEADER + 'u,a,1\n\nv,a\nv,"b,2\n' + "w,c,3\n" * 100)
    expected = r"^interactions: .*feed\.csv, below line 4: a quoted value does not end"
    with pytest.raises(InputError, match=expected):
        list(reader(file).chunks("interactions"))
    monkeypatch.setattr(csv_log_file, "BLOCK_BYTES", 64)
    with pytest.raises(InputError, match=r"below line [1-4]: a quoted value does not end"):
        list(reader(file).chunks("interactions"))


def test_files_of_one_table_are_its_parts(tmp_path: Path) -> None:
    directory = tmp_path / "feed"
    directory.mkdir()
    (directory / "part-2.csv").write_text("timestamp,item_id,user_id\n3,c,w\n4,\n5,d,x\n")
    (directory / "part-1.csv").write_text(HEADER + "u,a,1\nv,b,2\n")
    table = pa.table({"user_id": ["y"], "item_id": ["e"], "timestamp": [6]})
    pyarrow.parquet.write_table(table, directory / "part-10.parquet")
    for hidden in ("_SUCCESS", ".part-1.csv.crc"):
        (directory / hidden).write_text("")
    places = [directory, f"{directory}/", f"{directory}/part-*", f"{tmp_path}/f*d/*[0-9].*"]
    for place in [*places, f"{tmp_path}/f??d", f"file://{directory}", f"file://{tmp_path}/f*/p*"]:
        logs = pickle.loads(pickle.dumps(reader(place)))
        assert logs.parts("interactions") == 3
        assert logs.parts("users") == 0
        # In the order of the names: part-1.csv, part-10.parquet, part-2.csv.
        chunks = [each for part in range(3) for each in logs.chunks("interactions", part)]
        numbers = [chunk.rows[ROW].to_pylist() for chunk in chunks]
        assert numbers == [[0, 1], [PART_ROWS], [2 * PART_ROWS, 2 * PART_ROWS + 2]]
        assert chunks[2].rejected[ROW].to_pylist() == [2 * PART_ROWS + 1]
        assert chunks[2].rows["user_id"].to_pylist() == ["w", "x"]
        assert chunks[2].rows.column_names == chunks[0].rows.column_names
        rows = np.array([1, PART_ROWS, 2 * PART_ROWS, 2 * PART_ROWS + 1])
        names, lines = logs.lines("interactions", rows)
        start = "file://" if str(place).startswith("file") else ""
        files = ["part-1.csv", "part-10.parquet", "part-2.csv", "part-2.csv"]
        assert names == [f"{start}{directory}/{file}" for file in files]
        assert lines.tolist() == [3, 1, 2, 3]


def test_names_are_what_they_say_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("feed[1].csv", "feed1.csv", "a b%.csv"):
        Path(name).write_text(HEADER + f"{name[3]},a,1\n")
    assert [file.name for file in find_files("feed[1].csv", "t")] == ["feed[1].csv"]
    assert [file.name for file in find_files("feed[12].csv", "t")] == ["feed1.csv"]
    assert [file.name for file in find_files("*1*", "t")] == ["feed1.csv", "feed[1].csv"]
    assert [file.name for file in find_files("./a*", "t")] == ["./a b%.csv"]
    assert read("a b%.csv")["user_id"].to_pylist() == ["%"]
    assert read(f"file://{tmp_path}/a%20b%25.csv")["user_id"].to_pylist() == ["%"]
    assert read(f"file://{tmp_path}/a%20b*")["user_id"].to_pylist() == ["%"]


def test_files_of_one_table_have_the_same_columns(tmp_path: Path) -> None:
    (tmp_path / "items-1.csv").write_text("item_id,brand\na,x\n")
    (tmp_path / "items-2.csv").write_text("item_id,colour\nb,y\n")
    logs = reader(f"{tmp_path}/items-*", "items")
    assert len(list(logs.chunks("items", 0))) == 1
    differences = r"only .*items-1\.csv has brand; only .*items-2\.csv has colour"
    with pytest.raises(InputError, match=differences):
        list(logs.chunks("items", 1))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("feed.csv", b"", "missing column user_id, item_id, timestamp.*Received: none"),
        (
            "feed.csv",
            b"user_id,item_id\nu,a\n",
            r"missing column timestamp.*The file is .*feed\.csv\.",
        ),
        (
            "feed.csv",
            b"user_id,item_id,timestamp,item_id\nu,1,b\n",
            "column item_id stands twice",
        ),
        ("feed.csv", b"user_id,item_id,timestamp,\xff\nu,a,1\n", "cannot read"),
        ("feed.csv.gz", b"user_id,item_id,timestamp\nu,a,1\n", "cannot read"),
        (
            "feed.csv.gz",
            gzip.compress(b"user_id,item_id,timestamp\nu,a,1\n" * 99, mtime=0)[:-9],
            "cannot",
        ),
        ("feed.parquet", b"PAR1 and no more", "cannot read"),
        ("feed.parquet", b"", "cannot read"),
        ("feed.parquet.gz", gzip.compress(b"PAR1", mtime=0)[:-3], "cannot read"),
        ("feed.tsv", b"", "unknown kind of file"),
        (".csv", b"\x00\xff\n", "missing column|cannot read"),
    ],
)
def test_unusable_files_give_one_clear_error(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(InputError, match=f"^interactions: (?:{message})"):
        list(reader(file).chunks("interactions"))


def test_the_end_of_a_gzipped_file_is_checked(tmp_path: Path) -> None:
    numbers = np.random.default_rng(0).integers(0, 10**9, 100_000).tolist()
    text = HEADER + "".join(f"u,a,{number}\n" for number in numbers)
    packed = gzip.compress(text.encode())
    wrong = bytearray(packed)
    wrong[len(wrong) // 2] ^= 0xFF
    for content in (packed[:-1], packed[: len(packed) // 2], bytes(wrong)):
        (tmp_path / "feed.csv.gz").write_bytes(content)
        with pytest.raises(InputError, match=r"^interactions: cannot read"):
            list(reader(tmp_path / "feed.csv.gz").chunks("interactions"))


def test_a_column_named_as_the_numbers_of_rows_is_refused(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("item_id,row\na,1\n")
    with pytest.raises(InputError, match=r"items: there is a column row\..*items\.csv"):
        read(tmp_path / "items.csv", "items")


def test_missing_files_are_named(tmp_path: Path) -> None:
    for place in ("feed.parquet", "feed-*.csv", "a/b/*/c.csv"):
        for start in (str(tmp_path), f"file://{tmp_path}"):
            with pytest.raises(InputError, match=r"^interactions: there is no file .*") as error:
                LogFiles.find(f"{start}/{place}", tmp_path / "searches.csv")
            assert f"{start}/{place}" in str(error.value)
    (tmp_path / "feed.csv").write_text(HEADER)
    logs = reader(tmp_path / "feed.csv")
    (tmp_path / "feed.csv").unlink()
    with pytest.raises(InputError, match=r"there is no file .*feed\.csv"):
        list(logs.chunks("interactions"))


def test_nothing_in_a_directory_is_passed_over(tmp_path: Path) -> None:
    directory = tmp_path / "feed"
    (directory / "day=1").mkdir(parents=True)
    with pytest.raises(InputError, match=r"feed holds a directory, .*day=1\. Expected files"):
        reader(directory)
    (directory / "day=1" / "part.csv").write_text(HEADER + "u,a,1\n")
    assert len(read(f"{directory}/*/*.csv")) == len(read(f"{directory}/day=*")) == 1
    (directory / "day=1" / "part.csv.bz2").write_text("")
    with pytest.raises(InputError, match=r"unknown kind of file .*part\.csv\.bz2"):
        reader(f"{directory}/day=1")


@pytest.mark.parametrize("place", ["http://x/feed.csv", "file://x y/feed.csv", "feed.csv/x.csv"])
def test_places_that_cannot_be_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("feed.csv").write_text(HEADER)
    with pytest.raises(InputError, match="^items: (cannot look up|there is no file) " + place):
        find_files(place, "items")
