"""Records on disk: TFRecord shards of `tf.Example`, and their schema."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

import google_crc32c
import numpy as np
import pyarrow as pa
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from sesrec_tf import schema


def shard_path(directory: Path, shard: int, shards: int) -> Path:
    """`part-NNNNN-of-NNNNN.tfrecord`."""
    return directory / f"part-{shard:05d}-of-{shards:05d}.tfrecord"


def write_shard(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Writes one uncompressed TFRecord file.

    TensorFlow's own writer would do, at the price of importing TensorFlow in every process.

    Args:
        path: of the file.
        batches: list<int64> columns.

    Returns:
        The number of records.
    """
    encoder = RecordBatchToExamplesEncoder()
    records = 0
    with path.open("wb") as file:
        for batch in batches:
            file.write(_framed(encoder.encode(batch)))
            records += batch.num_rows
    return records


def write_schema(path: Path, shape: schema.HistoryShape, candidates: int) -> None:
    """Writes the `tensorflow-metadata` schema of the records as text.

    Args:
        path: of the file.
        shape: widths of the records.
        candidates: the most candidates of a record, 1 + frozen negatives.
    """
    lengths = {
        schema.REC_ITEMS: shape.rec_length,
        schema.REC_TIMES: shape.rec_length,
        schema.CANDIDATES: candidates,
    }
    # Readers that follow it, such as TFXIO, give ragged tensors instead of sparse ones.
    proto = schema_pb2.Schema(represent_variable_length_as_ragged=True)
    for name, width in schema.record_widths(shape).items():
        feature = proto.feature.add(name=name, type=schema_pb2.INT)
        if width is None:
            feature.shape.dim.add(size=1)
            feature.presence.min_fraction = 1.0
        else:
            most = lengths.get(name, shape.search_length)
            feature.value_count.min = int(name == schema.CANDIDATES)
            feature.value_count.max = most * width
    path.write_text(text_format.MessageToString(proto), "utf-8")


def _framed(records: list[bytes]) -> bytes:
    """Each record between its length and checksums, as a TFRecord file has it."""
    lengths = np.fromiter(map(len, records), "<u8", len(records))
    distinct, place = np.unique(lengths, return_inverse=True)
    heads = [length.tobytes() for length in distinct]
    heads = [head + sum_ for head, sum_ in zip(heads, _checksums(heads), strict=True)]
    frames = zip((heads[each] for each in place), records, _checksums(records), strict=True)
    return b"".join(chain.from_iterable(frames))


def _checksums(texts: Sequence[bytes]) -> Iterator[bytes]:
    """CRC-32C, rotated by 15 bits and shifted by a constant: checksums of checksums stay apart."""
    crc = np.fromiter(map(google_crc32c.value, texts), np.uint64, len(texts))
    rotated = crc >> np.uint64(15) | crc << np.uint64(17)
    masked = (rotated + np.uint64(0xA282EAD8)).astype("<u4").tobytes()
    return (masked[place : place + 4] for place in range(0, len(masked), 4))
