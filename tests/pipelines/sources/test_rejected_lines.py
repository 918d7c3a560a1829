from __future__ import annotations

import pytest

from pipelines.sources.rejected_lines import RejectedLines, UnusableLineError, utf8_text
from sesrec_tf.data.log_chunk import REJECTED


def test_lines_come_by_row_each_with_its_reason() -> None:
    lines, odd, empty = (
        RejectedLines(),
        UnusableLineError("a is odd", "even"),
        UnusableLineError("a is empty", "text"),
    )
    lines.add(7, odd, b"7,na\xefve\r")
    lines.add(2, empty, b"")
    lines.add(3, odd, b"3")
    table = lines.table()
    assert table.schema == REJECTED
    assert [tuple(row.values()) for row in table.to_pylist()] == [
        (2, "a is empty", "text", ""),
        (3, "a is odd", "even", "3"),
        (7, "a is odd", "even", r"7,na\xefve"),
    ]


def test_no_lines_are_an_empty_table() -> None:
    assert RejectedLines().table().equals(REJECTED.empty_table())


def test_lines_that_are_no_text() -> None:
    assert utf8_text("größe".encode()) == "größe"
    with pytest.raises(UnusableLineError, match="line is no UTF-8 text; expected UTF-8"):
        utf8_text(b"\xff")
