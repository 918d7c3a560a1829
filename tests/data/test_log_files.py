from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pytest

from sesrec_tf.data.log_files import read_log_tables, read_table
from sesrec_tf.errors import InputError

CSV = 'item_id,user_id,timestamp,more\n"a,b",007,1,x\nNA,null,2,\n"q""uote",1.0,3,y\n'
ROWS = {"user_id": ["007", "null", "1.0"], "item_id": ["a,b", "NA", 'q"uote']}


def columns(frame: pd.DataFrame) -> dict[str, list]:
    return {name: frame[name].tolist() for name in ROWS}


@pytest.mark.parametrize("text", [CSV, "\ufeff" + CSV, CSV.replace("\n", "\r\n"), CSV[:-1]])
def test_csv_is_verbatim(tmp_path: Path, text: str) -> None:
    file = tmp_path / "feed.csv"
    file.write_bytes(text.encode())
    frame = read_table(file, "interactions")
    assert columns(frame) == ROWS
    assert frame["timestamp"].tolist() == ["1", "2", "3"]
    assert "more" not in frame


def test_gzipped_csv(tmp_path: Path) -> None:
    file = tmp_path / "feed.v1.csv.gz"
    file.write_bytes(gzip.compress(CSV.encode()))
    assert columns(read_table(file, "interactions")) == ROWS


def test_parquet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [7, 8], "item_id": ["a", "b"], "timestamp": [1, 2], "x": 0})
    frame.to_parquet(tmp_path / "feed.parquet")
    (tmp_path / "feed.parquet.gz").write_bytes(
        gzip.compress((tmp_path / "feed.parquet").read_bytes())
    )
    for name in ("feed.parquet", "feed.parquet.gz"):
        read = read_table(tmp_path / name, "interactions")
        assert read["user_id"].tolist() == [7, 8]
        assert list(read) == ["user_id", "item_id", "timestamp"]


def test_a_pandas_index_is_a_column_if_it_has_a_name(tmp_path: Path) -> None:
    for users in ([7, 9, 7], [7, 8, 9], ["u", "v", "w"]):
        frame = pd.DataFrame({"user_id": users, "item_id": [*"abc"], "timestamp": [1, 2, 3]})
        frame.set_index("user_id").to_parquet(tmp_path / "feed.parquet")
        read = read_table(tmp_path / "feed.parquet", "interactions")
        assert read["user_id"].tolist() == users
        assert read["item_id"].tolist() == [*"abc"]
    items = pd.DataFrame({"brand": [*"xyz"]}, index=pd.RangeIndex(5, 8, name="item_id"))
    items.to_parquet(tmp_path / "items.parquet")
    assert read_table(tmp_path / "items.parquet", "items")["item_id"].tolist() == [5, 6, 7]
    frame.set_index(["user_id", "item_id"]).to_parquet(tmp_path / "items.parquet")
    assert read_table(tmp_path / "items.parquet", "items")["item_id"].tolist() == [*"abc"]
    # What is left of a table after a selection has an index without a name, which is no attribute.
    frame[["item_id", "user_id"]].iloc[[1]].to_parquet(tmp_path / "items.parquet")
    assert list(read_table(tmp_path / "items.parquet", "items")) == ["item_id", "user_id"]


def test_the_last_suffix_says_what_a_file_is(tmp_path: Path) -> None:
    frame = pd.DataFrame({"user_id": [7], "item_id": ["a"], "timestamp": [1]})
    frame.to_parquet(tmp_path / "feed.csv.parquet")
    content = (tmp_path / "feed.csv.parquet").read_bytes()
    (tmp_path / "feed.csv.parquet.gz").write_bytes(gzip.compress(content))
    (tmp_path / "feed.parquet.csv").write_text(CSV)
    assert read_table(tmp_path / "feed.csv.parquet", "interactions")["user_id"].tolist() == [7]
    assert read_table(tmp_path / "feed.csv.parquet.gz", "interactions")["user_id"].tolist() == [7]
    assert columns(read_table(tmp_path / "feed.parquet.csv", "interactions")) == ROWS


def test_attribute_columns_are_kept(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text("item_id,brand\na,\n")
    assert read_table(file, "items")["brand"].tolist() == [""]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("feed.csv", b"", "missing column user_id, item_id, timestamp.*Received: none"),
        ("feed.csv", b"user_id,item_id\nu,a\n", "missing column timestamp"),
        (
            "feed.csv",
            b"user_id,item_id,timestamp,item_id\nu,a,1,b\n",
            "column item_id stands twice",
        ),
        ("feed.csv", b"user_id,item_id,timestamp\nu,a\n", "cannot read"),
        ("feed.csv", b"user_id,item_id,timestamp\nu,\xff,1\n", "cannot read"),
        ("feed.csv.gz", b"user_id,item_id,timestamp\nu,a,1\n", "cannot read"),
        ("feed.csv.gz", gzip.compress(b"user_id,item_id,timestamp\nu,a,1\n" * 99)[:-9], "cannot"),
        ("feed.parquet", b"PAR1 and no more", "cannot read"),
        ("feed.parquet", b"", "cannot read"),
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
        read_table(file, "interactions")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"there is no file .*feed\.parquet"):
        read_log_tables(tmp_path / "feed.parquet", tmp_path / "searches.csv")


def test_only_column_names_are_no_log(tmp_path: Path) -> None:
    (tmp_path / "feed.csv").write_text("user_id,item_id,timestamp\n")
    (tmp_path / "searches.csv").write_text(
        "user_id,session_id,query,source,clicked_item_ids,timestamp\nu,1,q,,,1\n"
    )
    with pytest.raises(InputError, match="interactions: no rows"):
        read_log_tables(tmp_path / "feed.csv", tmp_path / "searches.csv")
