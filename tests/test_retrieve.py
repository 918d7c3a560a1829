"""The command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

import sesrec_tf
from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluate import main as evaluate
from sesrec_tf.evaluation.retrieval_recall import CUTOFFS
from sesrec_tf.layers.retrieval_head import RetrievalHead
from sesrec_tf.retrieve import main, parser
from sesrec_tf.training.retrieval_config import RetrievalConfig
from sesrec_tf.training.retrieval_store import head_directory, load_head, save_head
from sesrec_tf.training.run_directory import RunDirectory

pytest.importorskip("tensorflow_recommenders")

SMALL = ("--width", "8", "--hidden-units", "16", "--batch-size", "32", "--epochs", "2")


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def run(tiny_run: RunDirectory, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(tiny_run.path, tmp_path / "run"))


def retrieve(run: RunDirectory, *argv: object) -> None:
    main(["--run", str(run.path), *SMALL, *map(str, argv)])


def metrics_of(run: RunDirectory) -> dict:
    return json.loads((head_directory(run) / "metrics.json").read_text("utf-8"))


def test_trains_reports_and_stores(
    run: RunDirectory, tiny_data: PreparedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(["--run", str(run.path)])
    before = run.metrics
    weights = [np.array(weight) for weight in sesrec_tf.load(run.path).weights]
    capsys.readouterr()

    retrieve(run, "--retrieve", 20, "--users", 15)
    output = capsys.readouterr().out
    assert output.count("epoch ") == 2
    assert f"recall among all {tiny_data.sizes.items} items" in output
    assert f"test, 15 of {tiny_data.instances('test')} instances" in output
    assert "export --run" in output

    metrics = metrics_of(run)
    assert len(metrics["epochs"]) == 2
    assert set(metrics["recall"]) == {"valid", "test"}
    for systems in metrics["recall"].values():
        assert {"head", "popularity"} < set(systems)
        assert all(set(row) == {f"recall@{k}" for k in CUTOFFS} for row in systems.values())
    best = max(logs["recall@100"] for logs in metrics["epochs"])
    assert metrics["recall"]["valid"]["head"]["recall@100"] == best
    assert metrics["stages"]["retrieve"] == 20
    assert metrics["stages"]["instances"] == 15
    assert load_head(run) is not None

    # The ranking model is what it was, and so are its numbers.
    for old, new in zip(weights, sesrec_tf.load(run.path).weights, strict=True):
        np.testing.assert_array_equal(old, new)
    evaluate(["--run", str(run.path)])
    assert run.metrics == before


def test_a_head_is_replaced_only_when_asked(run: RunDirectory) -> None:
    head = RetrievalHead(7)
    head.build((None, 3), (None, 3))
    save_head(run, head, RetrievalConfig(), {"stages": {}})
    with pytest.raises(InputError, match=r"holds a retrieval head already.*--force"):
        retrieve(run)
    loaded = load_head(run)
    assert loaded is not None
    assert loaded.width == 7
    retrieve(run, "--users", 0, "--force")
    loaded = load_head(run)
    assert loaded is not None
    assert loaded.width == 8
    assert "stages" not in metrics_of(run)


def test_other_data_are_refused(
    run: RunDirectory, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    data = shutil.copytree(tiny_data.path, tmp_path / "data")
    info = json.loads((data / INFO_FILE).read_text("utf-8"))
    (data / INFO_FILE).write_text(json.dumps({**info, "content_hash": "other"}), "utf-8")
    with pytest.raises(InputError, match=r"expected the content hash \w+, received other"):
        retrieve(run, "--data", data)
    items = data / "vocabularies" / "items.txt"
    items.write_text("\n".join(reversed(items.read_text("utf-8").split("\n"))), "utf-8")
    with pytest.raises(InputError, match="vocabulary items"):
        retrieve(run, "--data", data)
    with pytest.raises(InputError, match="is not a prepared data set"):
        retrieve(run, "--data", tmp_path / "none")
    assert not head_directory(run).exists()


def test_unusable_runs_and_flags_are_said(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a run directory"):
        retrieve(RunDirectory(tmp_path / "none"))
    for flag, value in (("--users", -1), ("--retrieve", 0)):
        with pytest.raises(InputError, match=f"{flag} {value}"):
            retrieve(run, flag, value)
    with pytest.raises(InputError, match="`--dropout`"):
        retrieve(run, "--dropout", 2)
    with pytest.raises(InputError, match="smaller --batch-size"):
        retrieve(run, "--batch-size", 100_000)
    shutil.rmtree(run.checkpoints.directory)
    with pytest.raises(InputError, match="holds no finished epoch"):
        retrieve(run)
    assert not head_directory(run).exists()


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser().parse_args(["--help"])
    output = capsys.readouterr().out
    assert "python -m sesrec_tf.retrieve --run runs/first" in output
    assert "--temperature" in output
