"""Records on disk: TFRecord shards of `tf.Example`, and their schema."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.coders.example_coder import RecordBatchToExamplesEncoder

from sesrec_tf import schema


def shard_path(directory: Path, shard: int, shards: int) -> Path:
    """`part-NNNNN-of-NNNNN.tfrecord`."""
    return directory / f"part-{shard:05d}-of-{shards:05d}.tfrecord"


def write_shard(path: Path, batches: Iterable[pa.RecordBatch]) -> int:
    """Writes one uncompressed TFRecord file.

    Args:
        path: of the file.
        batches: list<int64> columns.

    Returns:
        The number of records.
    """
    encoder = RecordBatchToExamplesEncoder()
    records = 0
    with tf.io.TFRecordWriter(str(path)) as writer:
        for batch in batches:
            for example in encoder.encode(batch):
                writer.write(example)
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
    proto = schema_pb2.Schema()
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
