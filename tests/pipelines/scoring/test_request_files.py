from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipelines.scoring.request_files import Block, RequestFiles
from sesrec_tf.errors import InputError
from tests.pipelines.scoring.record_files import write_lines, write_records

LINES = [b"a", b"", b"c", b"d", b"e"]


def contents(files: RequestFiles, size: int) -> list[tuple[str, int, bytes]]:
    found = []
    for file in range(len(files.files)):
        for block in files.blocks(file, size):
            for row, record in files.records(block):
                (name,), (line,) = files.lines("requests", np.array([row]))
                found.append((Path(name).name, int(line), bytes(record).rstrip(b"\n")))
    return found


def test_files_of_all_kinds_in_the_order_of_their_names(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", LINES)
    write_lines(tmp_path / "b.jsonl.gz", LINES)
    write_records(tmp_path / "c.tfrecord", LINES)
    write_records(tmp_path / "d.tfrecord.gz", LINES)
    write_records(tmp_path / "e.tfrecord-00000-of-00001", LINES)
    names = ["a.jsonl", "b.jsonl.gz", "c.tfrecord", "d.tfrecord.gz", "e.tfrecord-00000-of-00001"]
    expected = [
        (name, line, record)
        for name in names
        for line, record in enumerate(LINES, start=1)
        if record or "tfrecord" in name
    ]
    files = RequestFiles.find([str(tmp_path)])
    for size in (1, 2, 5, 100):
        assert contents(files, size) == expected


def test_a_packed_file_is_one_block(tmp_path: Path) -> None:
    place = str(write_lines(tmp_path / "b.jsonl.gz", LINES))
    assert RequestFiles.find([place]).blocks(0, 2) == [Block(0, 0, 5, 0)]


@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz", "a.tfrecord", "a.tfrecord.gz"])
def test_an_empty_file_has_no_blocks(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (write_records if "tfrecord" in name else write_lines)(path, [])
    assert RequestFiles.find([str(path)]).blocks(0, 2) == []


def test_places_in_their_order_with_patterns(tmp_path: Path) -> None:
    for name in ("b1.jsonl", "b2.jsonl", "a.jsonl"):
        write_lines(tmp_path / name, [name.encode()])
    places = [str(tmp_path / "b*.jsonl"), str(tmp_path / "a.jsonl")]
    found = [record for *_, record in contents(RequestFiles.find(places), 10)]
    assert found == [b"b1.jsonl", b"b2.jsonl", b"a.jsonl"]
    with pytest.raises(InputError, match="named more than once"):
        RequestFiles.find([str(tmp_path), places[1]])
    other = tmp_path / "in" / ".." / "a.jsonl"
    (tmp_path / "in").mkdir()
    with pytest.raises(InputError, match="named more than once"):
        RequestFiles.find([places[1], str(other)])


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.tfrecord.gz"])
def test_a_packed_file_without_a_byte_is_damaged(tmp_path: Path, name: str) -> None:
    (tmp_path / name).touch()
    with pytest.raises(InputError, match=f"cannot read .*{name} .*0 bytes"):
        RequestFiles.find([str(tmp_path)]).blocks(0, 2)


def test_no_file_and_no_kind(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^requests: there is no file .*nothing\.jsonl"):
        RequestFiles.find([str(tmp_path / "nothing.jsonl")])
    write_lines(tmp_path / "a.csv", LINES)
    with pytest.raises(InputError, match=r"unknown kind of file .*a\.csv.*\.jsonl, .*\.tfrecord"):
        RequestFiles.find([str(tmp_path / "a.csv")])


@pytest.mark.parametrize("name", ["a.tfrecord", "a.tfrecord.gz", "a.jsonl.gz"])
def test_a_truncated_file_is_named(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    (write_records if "tfrecord" in name else write_lines)(path, LINES)
    path.write_bytes(path.read_bytes()[:-6])
    with pytest.raises(InputError, match=f"^requests: cannot read .*{name} "):
        RequestFiles.find([str(path)]).blocks(0, 2)
