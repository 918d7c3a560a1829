from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import tensorflow as tf
from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2

from sesrec_tf.data.record_writer import shard_path, write_schema, write_shard
from sesrec_tf.schema import HistoryShape, record_widths

ROWS = [{"user": [2], "rec_items": []}, {"user": [3], "rec_items": [4, 5**20]}]


def row_batches() -> list[pa.RecordBatch]:
    types = pa.schema({"user": pa.list_(pa.int64()), "rec_items": pa.list_(pa.int64())})
    return [pa.RecordBatch.from_pylist([row], types) for row in ROWS]


def test_records_are_read_back(tmp_path: Path) -> None:
    file = shard_path(tmp_path, 0, 2)
    assert file.name == "part-00000-of-00002.tfrecord"
    assert write_shard(file, row_batches()) == 2
    read = []
    for record in tf.data.TFRecordDataset(str(file)):
        features = tf.train.Example.FromString(record.numpy()).features.feature
        read.append({name: list(value.int64_list.value) for name, value in features.items()})
    assert read == ROWS


def test_files_are_those_of_tensorflow(tmp_path: Path) -> None:
    ours, theirs = tmp_path / "ours", tmp_path / "theirs"
    write_shard(ours, row_batches())
    with tf.io.TFRecordWriter(str(theirs)) as writer:
        for record in tf.data.TFRecordDataset(str(ours)):
            writer.write(record.numpy())
    assert ours.read_bytes() == theirs.read_bytes()


def test_no_records_are_an_empty_file(tmp_path: Path) -> None:
    assert write_shard(tmp_path / "none", []) == 0
    assert (tmp_path / "none").read_bytes() == b""


def test_the_schema_bounds_every_feature(tmp_path: Path) -> None:
    shape = HistoryShape(rec_length=3, search_length=4, query_words=5, clicks=2)
    write_schema(tmp_path / "schema.pbtxt", shape, candidates=100)
    text = (tmp_path / "schema.pbtxt").read_text()
    schema = text_format.Parse(text, schema_pb2.Schema())
    most = {feature.name: feature.value_count.max for feature in schema.feature}
    assert set(most) == set(record_widths(shape))
    assert all(feature.type == schema_pb2.INT for feature in schema.feature)
    assert (most["rec_items"], most["queries"], most["query_words"]) == (3, 4, 20)
    assert (most["clicked_items"], most["candidates"]) == (8, 100)
    scalars = {f.name for f in schema.feature if f.shape.dim and f.shape.dim[0].size == 1}
    assert scalars == {"instance", "user", "earlier_interactions", "earlier_searches"}
