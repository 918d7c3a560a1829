from __future__ import annotations

from pathlib import Path

import pytest
import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.servable.string_lookup import StringLookup


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "items.txt"
    path.write_text("007\nNA\ngröße\na\u2028b\n", "utf-8")
    return path


def test_golden(file: Path):
    # Line n has index n + 2; only "\n" ends a line.
    lookup = StringLookup(file, 4)
    ids = tf.constant([["007", "NA", "größe", "a\u2028b"], ["", "7", "na", " "]])
    indices = lookup(ids)
    assert indices.dtype == tf.int32
    assert indices.numpy().tolist() == [[2, 3, 4, 5], [0, 1, 1, 1]]


def test_scalars_and_empty_tensors(file: Path):
    lookup = StringLookup(file, 4)
    assert lookup(tf.constant("NA")).numpy() == 3
    assert lookup(tf.zeros([0, 3], tf.string)).shape == (0, 3)


def test_a_vocabulary_without_ids(tmp_path: Path):
    (tmp_path / "sources.txt").touch()
    lookup = StringLookup(tmp_path / "sources.txt", 0)
    assert lookup(tf.constant(["", "typed"])).numpy().tolist() == [0, 1]


@pytest.mark.parametrize("size", [3, 5])
def test_another_number_of_lines(file: Path, size: int):
    with pytest.raises(InputError, match=rf"items\.txt has 4 lines, expected {size}"):
        StringLookup(file, size)


def test_a_missing_file(tmp_path: Path):
    with pytest.raises(InputError, match="cannot read the vocabulary"):
        StringLookup(tmp_path / "items.txt", 1)
