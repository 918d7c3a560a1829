from __future__ import annotations

import io
import json

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.scoring import json_lines
from pipelines.scoring.json_lines import JsonLines
from pipelines.scoring.record_error import RecordError

FORMAT = JsonLines()
GOOD = {
    "user": "größe",
    "rec_items": ["i1", "007"],
    "searches": [
        {"query": "red  shoes", "source": "typed", "clicked_items": ["i4", "i5"]},
        {"query": "boots"},
    ],
    "candidates": ["NA", "i7"],
}


def test_a_request_as_the_signature_takes_it() -> None:
    request = FORMAT.request(json.dumps({**GOOD, "request_id": "monday"}).encode())
    assert (request.user, request.candidates) == ("größe", ("NA", "i7"))
    assert request.request_id == "monday"
    features = tf.train.Example.FromString(request.example).features.feature
    found = {name: [v.decode() for v in f.bytes_list.value] for name, f in features.items()}
    assert found == {
        "user": ["größe"],
        "rec_items": ["i1", "007"],
        "queries": ["red  shoes", "boots"],
        "query_sources": ["typed", ""],
        "clicked_items": ["i4 i5", ""],
        "candidates": ["NA", "i7"],
    }


def test_a_byte_order_mark_and_windows_line_ends_are_no_content() -> None:
    line = b"\xef\xbb\xbf" + json.dumps(GOOD).encode() + b"\r\n"
    assert FORMAT.request(line).request_id is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "the line is no JSON"),
        (b"\xff{}", "the line is no JSON"),
        (b"[" * 100_000, "the line is no JSON"),
        (b"{}{}", "the line is no JSON"),
        (b"[]", "the line is no JSON object"),
        (b"null", "the line is no JSON object"),
        (b'{"request_id": 7}', "`request_id` is no text"),
        (b'{"request_id": "\\ud800"}', "`request_id` is no text"),
    ],
)
def test_no_request(line: bytes, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        FORMAT.request(line)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"user": None}, "user"),
        ({"user": ["u1"]}, "user"),
        ({"candidates": []}, "candidates"),
        ({"candidates": "i1"}, "candidates"),
        ({"candidates": [7]}, "candidates"),
        ({"candidates": ["two words"]}, "candidates"),
        ({"rec_items": {"i1": 1}}, "rec_items"),
        ({"searches": {}}, "searches"),
        ({"searches": [{"query": " "}]}, "query"),
        ({"searches": [{"query": "\ud800"}]}, "query"),
        ({"searches": ["boots"]}, "search"),
        ({"surplus": 1}, "request"),
    ],
)
def test_a_reason_names_the_place_and_no_value(changes: dict[str, object], word: str) -> None:
    with pytest.raises(RecordError) as caught:
        FORMAT.request(json.dumps({**GOOD, **changes}).encode())
    assert word in caught.value.reason
    assert "Received" not in caught.value.reason


def test_the_place_is_no_part_of_the_reason() -> None:
    found = []
    for candidates in (["two words"], ["i1", "i2", ""]):
        with pytest.raises(RecordError) as caught:
            FORMAT.request(json.dumps({**GOOD, "candidates": candidates}).encode())
        found.append(caught.value)
    assert found[0].reason == found[1].reason
    assert found[0].reason.startswith("`candidates[...]` should be an id")
    assert [each.expected.split()[-1] for each in found] == ["`candidates[0]`", "`candidates[2]`"]


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ({"user": "u1", "candidates": ["i1"], "foo": 1}, "Missing: none; unknown: foo"),
        ({"candidates": ["i1"]}, "Missing: user; unknown: none"),
        ({"\ud800": 1}, "Missing: user, candidates; unknown: \\ud800"),
    ],
)
def test_keys_at_fault_are_named(request_: dict[str, object], words: str) -> None:
    with pytest.raises(RecordError) as caught:
        FORMAT.request(json.dumps(request_).encode())
    assert caught.value.reason.endswith(words)
    assert "`request_id`" in caught.value.expected


def test_a_reason_is_short() -> None:
    with pytest.raises(RecordError) as caught:
        FORMAT.request(json.dumps({**GOOD, "x" * 100_000: 1}).encode())
    assert len(caught.value.reason) <= 300


@given(st.lists(st.sampled_from([b"", b" ", b"x", b"long line", b"\r"])), st.integers(1, 4))
@settings(deadline=None)
def test_blocks_are_the_lines(lines: list[bytes], size: int) -> None:
    for end in (b"", b"\n"):
        data = b"\n".join(lines) + end
        expected = [
            (number, line + b"\n") for number, line in enumerate(data.split(b"\n")) if line.strip()
        ]
        found = []
        for block, (offset, count) in enumerate(FORMAT.blocks(io.BytesIO(data), size)):
            content = io.BytesIO(data[offset:])
            assert 0 < count <= size
            found += [(size * block + n, line) for n, line in FORMAT.records(content, count)]
        assert [(n, line.rstrip(b"\n") + b"\n") for n, line in found] == expected


def test_a_line_that_is_too_long_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_lines, "MOST_BYTES", 10)
    monkeypatch.setattr(json_lines, "_BLOCK_BYTES", 4)
    data = b"first\n" + b"x" * 10 + b"\n" + b"y" * 35 + b"\nlast"
    found = list(FORMAT.records(io.BytesIO(data), 4))
    assert [n for n, _ in found] == [0, 1, 2, 3]
    assert [found[n][1] for n in (0, 1, 3)] == [b"first\n", b"x" * 10 + b"\n", b"last"]
    assert isinstance(found[2][1], RecordError)
    assert found[2][1].reason == "the record is too large"
