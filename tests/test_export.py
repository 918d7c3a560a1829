"""The export command."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.export import main
from sesrec_tf.training.run_directory import RunDirectory
from tests.servable.reference import dense, predict_tf1, predict_tf2, request_of_row


def test_publishes_the_next_version(
    tiny_run: RunDirectory,
    tiny_servable: Path,
    tiny_logs: LogTables,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
):
    """Equal to the version that the library published, through both loaders."""
    (tmp_path / "base" / "6").mkdir(parents=True)
    main(["--run", str(tiny_run.path), "--output", str(tmp_path / "base")])
    output = capsys.readouterr().out
    assert f"published {tmp_path / 'base' / '7'}" in output
    assert f"python -m serving.server --model-base-path {tmp_path / 'base'}" in output
    assert sorted(child.name for child in (tmp_path / "base").iterdir()) == ["6", "7"]
    candidates = tiny_data.vocabulary("items")[:5]
    requests = [request_of_row(tiny_logs, row, candidates) for row in (5, 60, 200)]
    inputs = dense(requests, tiny_data.history)
    expected = predict_tf2(tiny_servable)("serving_default", inputs)
    for loader in (predict_tf1, predict_tf2):
        found = loader(tmp_path / "base" / "7")("serving_default", inputs)
        for name, value in expected.items():
            np.testing.assert_allclose(found[name], value, atol=1e-6)


def test_a_taken_version(tiny_run: RunDirectory, tiny_servable: Path):
    before = sorted(tiny_servable.parent.iterdir())
    arguments = ["--run", str(tiny_run.path), "--output", str(tiny_servable.parent)]
    with pytest.raises(InputError, match="version 1 stands in"):
        main([*arguments, "--version", "1"])
    assert sorted(tiny_servable.parent.iterdir()) == before


def test_no_run(tmp_path: Path):
    with pytest.raises(InputError, match="is not a run directory"):
        main(["--run", str(tmp_path), "--output", str(tmp_path / "base")])
    assert not (tmp_path / "base").exists()


def test_a_vocabulary_of_another_size(tiny_run: RunDirectory, tmp_path: Path):
    shutil.copytree(tiny_run.path, tmp_path / "run")
    file = tmp_path / "run" / "dataset" / "vocabularies" / "words.txt"
    file.write_text(file.read_text("utf-8") + "one more\n", "utf-8")
    with pytest.raises(InputError, match=r"words\.txt has \d+ lines, expected"):
        main(["--run", str(tmp_path / "run")])
    assert not (tmp_path / "run" / "export").exists()


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    output = capsys.readouterr().out
    assert re.search(r"examples:\n  python -m sesrec_tf\.export --run", output)
