from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pipelines.requests import main
from pipelines.scoring.tf_records import TfRecords
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import CANDIDATES, UNKNOWN, USER
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

    unknown = "unknown-to-the-model"
    for row, record in enumerate(serialized):
        request = TfRecords().request(record)
        own, candidates = batch[USER][row].numpy(), batch[CANDIDATES][row].numpy()
        assert (request.user == unknown) == (own == UNKNOWN)
        assert [each == unknown for each in request.candidates] == (candidates == UNKNOWN).tolist()
    assert (batch[CANDIDATES].numpy() == UNKNOWN).any()


def test_what_stands_for_unknown_ids_is_in_no_vocabulary(
    tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    copy = shutil.copytree(tiny_data.path, tmp_path / "data")
    users = copy / "vocabularies" / "users.txt"
    lines = users.read_text("utf-8").splitlines()
    users.write_text("\n".join(["unknown-to-the-model", *lines[1:]]) + "\n", "utf-8")
    file = tmp_path / "requests.tfrecord"
    main(["--data", str(copy), "--output", str(file)])
    found = [TfRecords().request(each.numpy()) for each in tf.data.TFRecordDataset(str(file))]
    assert "unknown-to-the-model-" in {each for request in found for each in request.candidates}
    assert "unknown-to-the-model" not in {each for request in found for each in request.candidates}


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
