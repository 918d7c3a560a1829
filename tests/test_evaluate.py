from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from sesrec_tf.data.prepared import INFO_FILE, PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluate import main
from sesrec_tf.evaluation.evaluation import REFERENCE_RANKERS
from sesrec_tf.evaluation.ranking_metrics import METRICS, mean_metrics
from sesrec_tf.schema import UNKNOWN
from sesrec_tf.training.run_directory import RunDirectory


@pytest.fixture(autouse=True)
def wide_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")


@pytest.fixture
def run(tiny_run: RunDirectory, tmp_path: Path) -> RunDirectory:
    return RunDirectory(shutil.copytree(tiny_run.path, tmp_path / "run"))


def evaluate(run: RunDirectory, *argv: object) -> None:
    main(["--run", str(run.path), *map(str, argv)])


def rows(text: str, title: str) -> dict[str, list[str]]:
    """The cells of the table under a title, by first cell."""
    lines = text[text.index(title) :].split("\n\n")[0].splitlines()
    cells = [[cell.strip() for cell in re.split("[│┃]", line)[1:-1]] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) > 1}


def table_of(output: str, title: str) -> dict[str, list[str]]:
    start = output.index(title)
    end = output.find("└", start)
    return rows(output[start:end], title)


def test_reports_stores_and_compares(
    run: RunDirectory, tiny_data: PreparedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(run, "--split", "test", "--by", "searches")
    output = capsys.readouterr().out
    instances = tiny_data.instances("test")
    table = table_of(output, f"test, {instances} instances")
    assert {*REFERENCE_RANKERS, "sesrec"} <= table.keys()
    metrics = run.metrics["test"]
    assert table["sesrec"] == [f"{metrics[name]:.4f}" for name in METRICS]
    assert set(run.metrics["references"]["test"]) == set(REFERENCE_RANKERS)
    per_instance = pd.read_parquet(run.path / "instances-test.parquet")
    assert len(per_instance) == instances
    assert mean_metrics(per_instance) == metrics

    unknown = (per_instance["positive"] == UNKNOWN).sum()
    assert unknown == tiny_data.info["unknown_positives"]["test"] > 0
    assert f"positives unknown to training: {unknown}" in output

    segments = table_of(output, "by searches")
    del segments["segment"]
    assert sum(int(cells[0]) for cells in segments.values()) == instances
    assert "cold items" in segments
    mean = sum(int(cells[0]) * float(cells[-1]) for cells in segments.values()) / instances
    assert mean == pytest.approx(metrics["mrr"], abs=1e-4)


def test_validation_repeats_what_training_measured(run: RunDirectory) -> None:
    evaluate(run, "--split", "valid", "--batch-size", 5)
    state = run.checkpoints.read_state()
    assert state is not None
    assert run.metrics["valid"]["mrr"] == pytest.approx(state.best_mrr, abs=1e-6)


def test_a_splits_report_leaves_the_other_alone(run: RunDirectory) -> None:
    run.write_metrics({"test": {"mrr": 0.5}, "references": {"test": {"popularity": {}}}})
    evaluate(run, "--split", "valid")
    assert run.metrics["test"] == {"mrr": 0.5}
    assert run.metrics["references"].keys() == {"test", "valid"}


def test_the_servable_scores_the_same_and_stores_nothing(
    run: RunDirectory, tiny_servable: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(run)
    own = table_of(capsys.readouterr().out, "test, ")["sesrec"]
    metrics = (run.path / "metrics.json").read_bytes()
    evaluate(run, "--servable", tiny_servable)
    table = table_of(capsys.readouterr().out, "test, ")
    (name,) = (name for name in table if name.startswith("sesrec ("))
    assert table[name] == own
    assert (run.path / "metrics.json").read_bytes() == metrics


def test_other_data_are_refused_and_nothing_is_lost(
    run: RunDirectory, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run.write_metrics({"test": {"mrr": 0.5}})
    data = shutil.copytree(tiny_data.path, tmp_path / "data")
    items = data / "vocabularies" / "items.txt"
    names = tiny_data.vocabulary("items")
    items.write_text("".join(f"{name}\n" for name in [*names[1:], names[0]]), "utf-8")
    with pytest.raises(InputError, match="vocabulary items"):
        evaluate(run, "--data", data)
    info = json.loads((data / INFO_FILE).read_text("utf-8"))
    info["vocabularies"]["words"] += 1
    (data / INFO_FILE).write_text(json.dumps(info), "utf-8")
    with pytest.raises(InputError, match=r"does not fit the run .*'words'"):
        evaluate(run, "--data", data)
    assert run.metrics["test"] == {"mrr": 0.5}


def test_other_candidates_are_shown_and_not_stored(
    run: RunDirectory,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The same vocabularies, but not what the run was trained on."""
    run.write_metrics({"test": {"mrr": 0.5}})
    before = sorted(path.name for path in run.path.iterdir())
    data = shutil.copytree(tiny_data.path, tmp_path / "data")
    info = json.loads((data / INFO_FILE).read_text("utf-8"))
    (data / INFO_FILE).write_text(json.dumps({**info, "content_hash": "0"}), "utf-8")
    evaluate(run, "--data", data)
    output = capsys.readouterr().out
    assert "sesrec" in table_of(output, "test, ")
    (line,) = (line for line in output.splitlines() if line.startswith("not stored"))
    assert line == f"not stored in {run.path}: {data} is not the data set it was trained on"
    assert run.metrics == {"test": {"mrr": 0.5}}
    assert sorted(path.name for path in run.path.iterdir()) == before


@pytest.mark.parametrize("by", ["history", "popularity"])
def test_segments(
    tiny_run: RunDirectory,
    tiny_servable: Path,
    tiny_data: PreparedDataset,
    by: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Through the servable, so that the shared run stays as it is."""
    evaluate(tiny_run, "--servable", tiny_servable, "--by", by)
    segments = table_of(capsys.readouterr().out, f"by {by}")
    assert segments.pop("segment") == ["instances", *(name.upper() for name in METRICS)]
    assert len(segments) > 1
    sizes = [int(cells[0]) for cells in segments.values()]
    assert sum(sizes) == tiny_data.instances("test")
    assert all(0 <= float(cell) <= 1 for cells in segments.values() for cell in cells[1:])


def test_truncated_records_are_named_and_nothing_is_lost(
    run: RunDirectory, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    run.write_metrics({"test": {"mrr": 0.5}})
    data = PreparedDataset(shutil.copytree(tiny_data.path, tmp_path / "data"))
    file = Path(data.record_files("test")[0])
    os.truncate(file, file.stat().st_size - 9)
    with pytest.raises(InputError, match=f"{re.escape(str(file))} is truncated"):
        evaluate(run, "--data", data.path)
    assert run.metrics["test"] == {"mrr": 0.5}


def test_unusable_arguments(run: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a run directory"):
        main(["--run", str(tmp_path / "none")])
    with pytest.raises(InputError, match="not a prepared data set"):
        evaluate(run, "--data", tmp_path / "none")
    with pytest.raises(InputError, match=r"`--batch-size` should be a positive integer"):
        evaluate(run, "--batch-size", 0)
    with pytest.raises(SystemExit):
        evaluate(run, "--by", "colour")


def test_a_run_of_another_model_is_refused(run: RunDirectory) -> None:
    """Its configuration was changed after training."""
    run.config.replace("model", hidden_units=(16, 4)).save(run.path / "config.yaml")
    with pytest.raises(InputError, match=r"does not fit this model"):
        evaluate(run)
