"""What a prepared data set holds, to be compared with another one."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

from tfx_bsl.coders.example_coder import ExamplesToRecordBatchDecoder

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import SPLITS


def files(dataset: PreparedDataset) -> dict[str, bytes]:
    """Every file but the records, by its path within the data set."""
    paths = (path for path in dataset.path.rglob("*") if path.is_file())
    names = {str(path.relative_to(dataset.path)): path for path in paths}
    return {
        name: path.read_bytes()
        for name, path in sorted(names.items())
        if path.suffix != ".tfrecord"
    }


def records(dataset: PreparedDataset, split: str) -> list[dict[str, list[int]]]:
    """The records of one split in the order of the shards."""
    return [record for path in dataset.record_files(split) for record in file_records(Path(path))]


def file_records(path: Path) -> list[dict[str, list[int]]]:
    """The records of one file; a feature without values is empty."""
    examples = list(_payloads(path.read_bytes()))
    if not examples:
        return []
    rows = ExamplesToRecordBatchDecoder().DecodeBatch(examples).to_pylist()
    return [{name: list(values or []) for name, values in row.items()} for row in rows]


def content(dataset: PreparedDataset) -> tuple[dict[str, bytes], dict[str, object]]:
    """Both, for a comparison."""
    return files(dataset), {split: records(dataset, split) for split in SPLITS}


def _payloads(data: bytes) -> Iterator[bytes]:
    """A TFRecord file is length, checksum, payload, checksum, again and again."""
    start = 0
    while start < len(data):
        (length,) = struct.unpack_from("<Q", data, start)
        yield data[start + 12 : start + 12 + length]
        start += 16 + length
