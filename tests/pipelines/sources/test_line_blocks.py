from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources.line_blocks import LineBlock, line_blocks
from sesrec_tf.errors import InputError


def test_lines_have_their_numbers_in_every_block(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b"one\n\n  \nfour\r\nfive"))
    expected = [(1, "one"), (4, "four"), (5, "five")]
    for size in (1, 3, 4, 100):
        blocks = list(line_blocks(path, size))
        assert [pair for block in blocks for pair in block.lines()] == expected
        assert sum(block.line_count for block in blocks) == 5


def test_an_empty_file_is_an_empty_block(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.touch()
    (block,) = line_blocks(path)
    assert (block.first_line, block.line_count, block.raw_lines) == (1, 0, [])


def test_raw_lines_are_as_many_as_lines() -> None:
    block = LineBlock(Path("a.txt"), 1, b"one\n\n\xff\r\n ")
    assert block.raw_lines == [b"one", b"", b"\xff\r", b" "]
    assert block.line_count == 4


def test_only_a_line_feed_ends_a_line(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("a\u2028b\x85c\x0cd\n")
    (block,) = line_blocks(path)
    assert list(block.lines()) == [(1, "a\u2028b\x85c\x0cd")]


@settings(deadline=None, max_examples=50)
@given(st.binary(max_size=40).map(lambda data: data.replace(b"a", b"\n")), st.integers(1, 9))
def test_blocks_are_the_file_cut_at_line_ends(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, size: int
) -> None:
    path = tmp_path_factory.mktemp("blocks") / "a.txt"
    path.write_bytes(data)
    blocks = list(line_blocks(path, size))
    assert b"".join(block.data for block in blocks) == data
    assert all(block.data.endswith(b"\n") for block in blocks[:-1])
    assert [block.first_line for block in blocks] == [
        1 + data[: sum(len(earlier.data) for earlier in blocks[:n])].count(b"\n")
        for n in range(len(blocks))
    ]


@pytest.mark.parametrize(
    "content",
    [
        b"no gzip",
        gzip.compress(b"x" * 99, mtime=0)[:-9],
        gzip.compress(b"xy" * 99, mtime=0)[:20],
    ],
    ids=["no gzip", "no end", "cut"],
)
def test_a_broken_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"cannot read .*a\.gz .*Download it again"):
        list(line_blocks(path))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read .*nowhere"):
        list(line_blocks(tmp_path / "nowhere"))


def test_a_line_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"fine\nna\xefve\n")
    (block,) = line_blocks(path)
    with pytest.raises(InputError, match=r"a\.txt, line 2: is not UTF-8"):
        list(block.lines())
