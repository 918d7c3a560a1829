from __future__ import annotations

import io
from pathlib import Path

import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.scoring import tf_records
from pipelines.scoring.record_error import RecordError
from pipelines.scoring.tf_records import TfRecords
from tests.pipelines.scoring.record_files import as_example, write_records

FORMAT = TfRecords()
GOOD = {"user": "u1", "candidates": ["i1", "größe"], "request_id": "a"}
NO_ID = "should be an id, non-empty and without whitespace"


def example(**features: list[bytes] | list[int]) -> bytes:
    message = tf.train.Example.FromString(as_example(GOOD))
    for name, values in features.items():
        feature = message.features.feature[name]
        feature.Clear()
        if values and isinstance(values[0], int):
            feature.int64_list.value.extend(values)
        else:
            feature.bytes_list.value.extend(values)
    return message.SerializeToString()


def test_what_is_no_feature_of_the_signature_stays_behind() -> None:
    request = FORMAT.request(example(extra=[1, 2], another=[b"\xff"]))
    assert (request.user, request.candidates, request.request_id) == ("u1", ("i1", "größe"), "a")
    assert "extra" not in tf.train.Example.FromString(request.example).features.feature


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (b"no message", "the record is no tf.Example"),
        (b"", "`user` is missing"),
        (example(user=[]), "`user` is missing"),
        (example(user=[7]), "`user` is no list of bytes"),
        (example(candidates=[1]), "`candidates` is no list of bytes"),
        (example(candidates=[b"i1", b"\xff"]), "`candidates` is no UTF-8"),
        (example(candidates=[]), "`candidates` should hold at least one item id"),
        (example(user=[b""]), f"`user` {NO_ID}"),
        (example(candidates=[b"i1", b"two words"]), f"`candidates[...]` {NO_ID}"),
        (example(rec_items=[b"", b"i1"]), f"`rec_items[...]` {NO_ID}"),
        (
            example(queries=[b"boots", b"red"], clicked_items=[b"", b"i1  i\t2"]),
            f"`searches[...].clicked_items[...]` {NO_ID}",
        ),
        (example(queries=[b" "]), "`searches[...].query` should hold at least one word"),
        (example(query_sources=[b"typed"]), "`query_sources` is not as long as `queries`"),
        (example(user=[b"u1", b"u2"]), "`user` is more than one value"),
        (example(clicked_items=[b"i1"]), "`clicked_items` is not as long as `queries`"),
        (example(request_id=[b"a", b"b"]), "`request_id` is more than one value"),
    ],
)
def test_no_request(record: bytes, reason: str) -> None:
    with pytest.raises(RecordError) as caught:
        FORMAT.request(record)
    assert caught.value.reason == reason


@given(st.lists(st.binary(max_size=40), max_size=9), st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_blocks_are_the_records(tmp_path_factory, records: list[bytes], size: int) -> None:
    data = write_records(tmp_path_factory.mktemp("records") / "a", records).read_bytes()
    found = []
    for block, (offset, count) in enumerate(FORMAT.blocks(io.BytesIO(data), size)):
        content = io.BytesIO(data[offset:])
        found += [(size * block + n, record) for n, record in FORMAT.records(content, count)]
    assert found == list(enumerate(records))


def test_a_changed_record_is_rejected_and_the_next_is_read(tmp_path: Path) -> None:
    data = bytearray(write_records(tmp_path / "a", [b"first", b"second"]).read_bytes())
    data[12] ^= 1  # After length and checksum.
    (_, first), (_, second) = FORMAT.records(io.BytesIO(data), 2)
    assert isinstance(first, RecordError)
    assert first.reason == "the record's checksum is wrong"
    assert second == b"second"


@pytest.mark.parametrize("cut", [1, 11, 13, 20])
def test_a_truncated_file_is_no_file(tmp_path: Path, cut: int) -> None:
    data = write_records(tmp_path / "a", [b"first", b"second"]).read_bytes()
    with pytest.raises(EOFError, match="within a record"):
        FORMAT.blocks(io.BytesIO(data[:-cut]), 10)
    with pytest.raises(EOFError):
        list(FORMAT.records(io.BytesIO(data[:-cut]), 2))


def test_a_length_that_was_changed(tmp_path: Path) -> None:
    data = bytearray(write_records(tmp_path / "a", [b"first"]).read_bytes())
    data[0] ^= 1
    with pytest.raises(OSError, match="a length with a wrong checksum"):
        FORMAT.blocks(io.BytesIO(data), 10)


def test_a_large_record_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf_records, "MOST_BYTES", 5)
    data = write_records(tmp_path / "a", [b"first", b"second", b"third"]).read_bytes()
    found = [record for _, record in FORMAT.records(io.BytesIO(data), 3)]
    assert (found[0], found[2]) == (b"first", b"third")
    assert isinstance(found[1], RecordError)
