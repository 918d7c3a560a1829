from __future__ import annotations

from pathlib import Path

import pytest

from sesrec_tf.data.output_directory import published_directory
from sesrec_tf.errors import InputError


def publish(output: Path, text: str, overwrite: bool = False) -> None:
    with published_directory(output, "info", overwrite) as directory:
        (directory / "half").write_text(text)
        (directory / "info").write_text(text)


def test_appears_whole_and_leaves_nothing_else(tmp_path: Path) -> None:
    output = tmp_path / "deep" / "down" / "data"
    with published_directory(output, "info", False) as directory:
        (directory / "info").write_text("x")
        assert not output.exists()
    assert (output / "info").read_text() == "x"
    assert list(output.parent.iterdir()) == [output]


def test_an_error_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(ZeroDivisionError),
        published_directory(tmp_path / "data", "info", False) as directory,
    ):
        (directory / "half").write_text(str(1 / 0))
    assert list(tmp_path.iterdir()) == []


def test_an_existing_output_is_refused_and_kept(tmp_path: Path) -> None:
    publish(tmp_path / "data", "old")
    with pytest.raises(InputError, match=r"exists already.*--overwrite"):
        publish(tmp_path / "data", "new")
    assert (tmp_path / "data" / "info").read_text() == "old"


def test_overwrite_replaces_an_earlier_output(tmp_path: Path) -> None:
    publish(tmp_path / "data", "old")
    publish(tmp_path / "data", "new", overwrite=True)
    assert (tmp_path / "data" / "info").read_text() == "new"
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_overwrite_failing_keeps_the_earlier_output(tmp_path: Path) -> None:
    publish(tmp_path / "data", "old")
    with pytest.raises(ZeroDivisionError), published_directory(tmp_path / "data", "info", True):
        raise ZeroDivisionError
    assert (tmp_path / "data" / "info").read_text() == "old"
    assert list(tmp_path.iterdir()) == [tmp_path / "data"]


def test_overwrite_spares_what_is_no_output(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    (tmp_path / "file").write_text("x")
    for name in ("photographs", "file"):
        with pytest.raises(InputError, match="not an earlier output"):
            publish(tmp_path / name, "new", overwrite=True)
        assert (tmp_path / name).exists()


def test_a_parent_that_is_a_file_is_an_input_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot write beside"):
        publish(tmp_path / "file" / "data", "x")
