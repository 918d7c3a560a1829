"""The export command."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from tensorflow.core.protobuf import saved_model_pb2

from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.export import main
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.loading import load
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import save_head
from sesrec_tf.training.run_directory import RunDirectory
from tests.servable.reference import RawRequest, dense, predict_tf1, predict_tf2, request_of_row


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


@pytest.fixture
def run_with_head(tiny_run: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy with a head that is not trained."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    run = RunDirectory.open(tmp_path / "run")
    model = load(run.path)
    head = RetrievalHead(width=8, hidden_units=16)
    head.build((None, 2 * model.width + model.users.width), (None, model.width))
    save_head(run, head, RetrievalConfig(), {})
    return run


def signatures(version: Path) -> set[str]:
    saved_model = saved_model_pb2.SavedModel.FromString((version / "saved_model.pb").read_bytes())
    found = set(saved_model.meta_graphs[0].signature_def)
    return {name for name in found if not name.startswith("__")}


def test_recommends_with_a_head(run_with_head: RunDirectory, tiny_data, capsys):
    main(["--run", str(run_with_head.path), "--top-k", "4", "--retrieve", "9"])
    assert "without" not in capsys.readouterr().out
    version = run_with_head.path / "export" / "1"
    assert signatures(version) == {"serving_default", "examples", "explain", "recommend"}
    inputs = dense([RawRequest("u1", ("i1",), ("i2", "i3"))], tiny_data.history)
    del inputs["candidates"]
    answer = predict_tf1(version)("recommend", inputs)
    assert answer["items"].shape == answer["scores"].shape == (1, 4)
    origin = json.loads((version / "assets.extra" / "origin.json").read_text())
    assert origin["recommend"]["top_k"] == 4
    assert origin["recommend"]["retrieve"] == 9


def test_says_what_is_missing(tiny_run: RunDirectory, run_with_head, tmp_path: Path, capsys):
    main(["--run", str(tiny_run.path), "--output", str(tmp_path / "headless")])
    assert "without `recommend`: the run has no retrieval head" in capsys.readouterr().out
    main(["--run", str(run_with_head.path), "--top-k", "0"])
    assert "without" not in capsys.readouterr().out
    assert "recommend" not in signatures(run_with_head.path / "export" / "1")


def test_more_items_than_are_retrieved(run_with_head: RunDirectory):
    with pytest.raises(InputError, match=r"`top_k` should be in \[1, 9\].*Received: 10"):
        main(["--run", str(run_with_head.path), "--top-k", "10", "--retrieve", "9"])
    assert not (run_with_head.path / "export").exists()


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
