from __future__ import annotations

import json
from pathlib import Path

import pytest

from sesrec_tf.data.prepared import FORMAT_VERSION, PreparedDataset
from sesrec_tf.errors import InputError


def write_info(directory: Path, text: str) -> Path:
    (directory / "dataset_info.json").write_text(text)
    return directory


def test_another_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"not a prepared data set.*python -m pipelines\.prepare"):
        PreparedDataset(tmp_path)


def test_another_format_version_is_refused(tmp_path: Path) -> None:
    write_info(tmp_path, json.dumps({"format_version": FORMAT_VERSION + 1}))
    with pytest.raises(
        InputError, match=f"version {FORMAT_VERSION + 1}, expected {FORMAT_VERSION}"
    ):
        PreparedDataset(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]"])
def test_unreadable_information_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="unreadable"):
        PreparedDataset(write_info(tmp_path, text))


def test_a_split_without_shards_is_refused(tmp_path: Path) -> None:
    write_info(tmp_path, json.dumps({"format_version": FORMAT_VERSION}))
    with pytest.raises(InputError, match="holds no record shards"):
        PreparedDataset(tmp_path).record_files("valid")
    with pytest.raises(InputError, match="`split` should be one of"):
        PreparedDataset(tmp_path).record_files("dev")


def test_only_a_newline_ends_an_id(tmp_path: Path) -> None:
    write_info(tmp_path, json.dumps({"format_version": FORMAT_VERSION}))
    file = tmp_path / "vocabularies" / "queries.txt"
    file.parent.mkdir()
    file.write_bytes("a\u2028b\n c\x0c\n".encode())
    assert PreparedDataset(tmp_path).vocabulary("queries") == ["a\u2028b", " c\x0c"]
