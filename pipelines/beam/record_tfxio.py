"""The records of a prepared data set for TFX: as Arrow record batches, on Beam too."""

from __future__ import annotations

from google.protobuf import text_format
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx_bsl.public import tfxio

from sesrec_tf.data.prepared import PreparedDataset


def record_tfxio(dataset: PreparedDataset, split: str) -> tfxio.TFExampleRecord:
    """One split with the data set's schema; list features are ragged.

    `BeamSource()` reads it on a Beam runner, in no defined order; `RecordBatches` in this process,
    in the order of the records if `RecordBatchesOptions` says `shuffle=False, num_epochs=1`.

    Args:
        dataset: whose path holds no `*`, `?` or `[`, which would be patterns.
        split: `train`, `valid` or `test`.

    Raises:
        InputError: if there are no records of that split.
    """
    dataset.record_files(split)
    text = (dataset.path / "schema.pbtxt").read_text("utf-8")
    return tfxio.TFExampleRecord(
        str(dataset.path / split / "part-*.tfrecord"),
        schema=text_format.Parse(text, schema_pb2.Schema()),
        telemetry_descriptors=["sesrec_tf"],
    )
