from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import apache_beam as beam
import pyarrow as pa
import pytest
import tensorflow as tf
from tfx_bsl.public.tfxio import RecordBatchesOptions

from pipelines.beam.execution import execute
from pipelines.beam.record_tfxio import record_tfxio
from pipelines.beam.staging import Staging
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS, record_widths
from tests.data.log_rows import shop_logs
from tests.pipelines.beam.runners import IN_MEMORY, OPTIONS, fn_api

Record = dict[str, list[int]]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    directory = tmp_path_factory.mktemp("shop") / "data"
    return prepare(shop_logs(), replace(OPTIONS, shards=3), directory)


def parsed(dataset: PreparedDataset, split: str) -> list[Record]:
    """What TensorFlow's own parser says."""
    features = {name: tf.io.RaggedFeature(tf.int64) for name in record_widths(dataset.history)}
    examples = list(tf.data.TFRecordDataset(dataset.record_files(split)).as_numpy_iterator())
    columns = tf.io.parse_example(examples, features)
    values = {name: column.to_list() for name, column in columns.items()}
    return [{name: values[name][row] for name in values} for row in range(len(examples))]


def rows(batch: pa.RecordBatch) -> list[Record]:
    return [dict(row) for row in batch.to_pylist()]


def by_instance(records: list[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record["instance"])


@pytest.mark.parametrize("split", SPLITS)
def test_record_batches_hold_the_records(split: str, dataset: PreparedDataset) -> None:
    options = RecordBatchesOptions(batch_size=7, num_epochs=1, shuffle=False)
    batches = list(record_tfxio(dataset, split).RecordBatches(options))
    assert {len(batch) for batch in batches[:-1]} <= {7}
    found = [row for batch in batches for row in rows(batch)]
    assert len(found) == dataset.instances(split) > 0
    assert found == parsed(dataset, split)


def keep(batch: pa.RecordBatch, staging: Staging) -> None:
    staging.write_batches([batch], str(batch["instance"][0][0]))


def test_a_beam_runner_reads_the_records(dataset: PreparedDataset, tmp_path: Path) -> None:
    staging = Staging(str(tmp_path / "batches"))
    pipeline = beam.Pipeline(options=fn_api(IN_MEMORY))
    source = record_tfxio(dataset, "train").BeamSource(batch_size=7)
    _ = pipeline | source | beam.Map(keep, staging)
    execute(pipeline)
    names = staging.listing()
    assert len(names) > 1
    found = [row for name in names for row in rows(staging.read_batch(0, name))]
    assert by_instance(found) == by_instance(parsed(dataset, "train"))


def test_lists_are_ragged_tensors(dataset: PreparedDataset) -> None:
    widths = record_widths(dataset.history)
    specs = record_tfxio(dataset, "train").TensorAdapter().TypeSpecs()
    assert set(specs) == set(widths)
    for name, width in widths.items():
        kind = tf.TensorSpec if width is None else tf.RaggedTensorSpec
        assert isinstance(specs[name], kind), name


def test_only_splits_have_records(dataset: PreparedDataset) -> None:
    with pytest.raises(InputError, match="should be one of"):
        record_tfxio(dataset, "training")
