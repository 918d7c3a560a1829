from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from sesrec_tf.data.vocabulary import Vocabulary

IDS = pa.array(["007", "NA", "a", "b", "é"], pa.large_string())


def test_most_frequent_first_then_by_id() -> None:
    vocabulary = Vocabulary.from_counts(IDS, np.array([1, 3, 0, 3, 1]))
    assert vocabulary.ids.to_pylist() == ["NA", "b", "007", "é"]
    # `a` never occurs, so it is unknown; the rest count from 2.
    assert vocabulary.index.tolist() == [4, 2, 1, 3, 5]
    assert vocabulary.code.tolist() == [1, 3, 0, 4]
    assert len(vocabulary) == 4


def test_rare_ids_are_unknown() -> None:
    vocabulary = Vocabulary.from_counts(IDS, np.array([1, 3, 0, 2, 1]), min_count=2)
    assert vocabulary.ids.to_pylist() == ["NA", "b"]
    assert vocabulary.index.tolist() == [1, 2, 1, 3, 1]


def test_file_holds_one_id_a_line(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    exotic = pa.array(["line\u2028separator", "form\x0cfeed"], pa.large_string())
    Vocabulary.from_counts(exotic, np.array([2, 1])).save(file)
    assert file.read_bytes() == "line\u2028separator\nform\x0cfeed\n".encode()


def test_empty_vocabulary_is_an_empty_file(tmp_path: Path) -> None:
    file = tmp_path / "ids.txt"
    Vocabulary.from_counts(IDS, np.zeros(5, np.int64)).save(file)
    assert file.read_bytes() == b""
