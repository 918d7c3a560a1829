from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.ranking_metrics import RankingMetrics
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.servable.servable_scorer import ServableScorer
from sesrec_tf.training.run_directory import RunDirectory


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("batch_size", [256, 20])
def test_equals_the_scorer_in_process(
    model, tiny_servable, tiny_run, tiny_data, split: str, batch_size: int
):
    expected = SplitScorer(model, tiny_data, tiny_run.config.history)(split)
    found = ServableScorer(tiny_servable, tiny_run, tiny_data, batch_size)(split)
    np.testing.assert_allclose(found.logits, expected.logits, atol=1e-5)
    for name, value in expected.features.items():
        np.testing.assert_array_equal(found.features[name], value)
    metrics = [RankingMetrics().calc(scored.logits) for scored in (found, expected)]
    assert metrics[0] == pytest.approx(metrics[1], abs=1e-12)


def test_no_saved_model(tmp_path: Path, tiny_servable, tiny_run, tiny_data):
    for path in (tmp_path, tiny_servable.parent):
        with pytest.raises(InputError, match=r"holds no SavedModel.*BASE/<version>"):
            ServableScorer(path, tiny_run, tiny_data)


def test_a_damaged_saved_model(tmp_path: Path, tiny_servable, tiny_run, tiny_data):
    shutil.copytree(tiny_servable, tmp_path / "1")
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(InputError, match="cannot load"):
        ServableScorer(tmp_path / "1", tiny_run, tiny_data)


def test_a_servable_of_other_widths(tmp_path: Path, tiny_servable, tiny_run, tiny_data):
    shutil.copytree(tiny_run.path, tmp_path / "run", ignore=shutil.ignore_patterns("checkpoints"))
    text = (tmp_path / "run" / "config.yaml").read_text().replace("rec_length: 6", "rec_length: 5")
    (tmp_path / "run" / "config.yaml").write_text(text)
    with pytest.raises(InputError, match=r"no servable of this run.*rec_items \(None, 5\)"):
        ServableScorer(tiny_servable, RunDirectory.open(tmp_path / "run"), tiny_data)


def test_a_servable_of_other_vocabularies(tmp_path: Path, tiny_servable, tiny_run, tiny_data):
    shutil.copytree(tiny_data.path, tmp_path / "data")
    file = tmp_path / "data" / "vocabularies" / "items.txt"
    first, second, *rest = file.read_text("utf-8").split("\n")
    file.write_text("\n".join([second, first, *rest]), "utf-8")
    with pytest.raises(InputError, match=r"items\.txt to be its vocabulary of items"):
        ServableScorer(tiny_servable, tiny_run, PreparedDataset(tmp_path / "data"))
