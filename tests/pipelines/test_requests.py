from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.requests import main
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.servable.raw_examples import parse_examples
from sesrec_tf.servable.request_features import RequestFeatures


@pytest.mark.parametrize("split", ["valid", "test"])
def test_the_signature_reads_what_the_records_hold(
    tiny_data: PreparedDataset, tmp_path: Path, split: str
) -> None:
    file = tmp_path / "requests.tfrecord"
    main(["--data", str(tiny_data.path), "--split", split, "--output", str(file)])
    serialized = [record.numpy() for record in tf.data.TFRecordDataset(str(file))]
    (batch,) = evaluation_batches(tiny_data, split, tiny_data.history, 1000)
    features = RequestFeatures(tiny_data, tiny_data.history)
    found = features(parse_examples(tf.constant(serialized), tiny_data.history))
    for name, value in found.items():
        np.testing.assert_array_equal(value.numpy(), batch[name].numpy(), err_msg=name)
    ids = [
        tf.train.Example.FromString(each).features.feature["request_id"].bytes_list.value[0]
        for each in serialized
    ]
    assert [int(each) for each in ids] == batch["instance"].numpy().tolist()


def test_an_earlier_file_is_replaced_only_if_asked(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    file = tmp_path / "requests.tfrecord"
    file.write_text("mine")
    words = ["--data", str(tiny_data.path), "--output", str(file)]
    with pytest.raises(InputError, match="exists already"):
        main(words)
    assert file.read_text() == "mine"
    main([*words, "--overwrite"])
    assert len(list(tf.data.TFRecordDataset(str(file)))) == tiny_data.instances("test")
    with pytest.raises(InputError, match=r"ends in \.tfrecord"):
        main([*words[:3], str(tmp_path / "requests.jsonl")])
    with pytest.raises(InputError):
        main(["--data", str(tmp_path), "--output", str(tmp_path / "other.tfrecord")])
    assert list(tmp_path.iterdir()) == [file]
