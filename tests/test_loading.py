"""Models back from run directories, and the package's front door."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest
import tensorflow as tf

import sesrec_tf
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.evaluation.scoring import SplitScorer
from sesrec_tf.training.run_directory import RunDirectory


@pytest.fixture
def run_copy(tiny_run: RunDirectory, tmp_path: Path) -> Path:
    """A run to damage."""
    shutil.copytree(tiny_run.path, tmp_path / "run")
    return tmp_path / "run"


def edit(file: Path, old: str, new: str) -> None:
    text = file.read_text("utf-8")
    assert old in text
    file.write_text(text.replace(old, new), "utf-8")


def test_the_loaded_model_has_the_validation_metric_of_training(
    tiny_run: RunDirectory, tiny_data: PreparedDataset
):
    """Not two loads of one file, but what the trainer measured with the weights in its memory."""
    model = sesrec_tf.load(tiny_run.path)
    scored = SplitScorer(model, tiny_data, tiny_data.history)("valid")
    mrr = sesrec_tf.RankingMetrics().calc(scored.logits)["mrr"]
    assert mrr == pytest.approx(tiny_run.checkpoints.read_state().best_mrr, abs=1e-7)


def test_every_variable_is_restored(tiny_run: RunDirectory):
    first, second = (sesrec_tf.load(tiny_run.path) for _ in range(2))
    assert isinstance(first, sesrec_tf.SESRec)
    for one, other in zip(first.variables, second.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy(), err_msg=one.path)


def test_the_run_directory_is_enough(run_copy: Path, tiny_data: PreparedDataset):
    edit(run_copy / "run.json", str(tiny_data.path), "/nowhere")
    assert sesrec_tf.load(run_copy).built


def test_precision_is_float32_and_the_process_keeps_its_own(run_copy: Path):
    edit(run_copy / "config.yaml", "mixed_precision: float32", "mixed_precision: mixed_bfloat16")
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = sesrec_tf.load(run_copy)
        assert keras.config.dtype_policy().name == "mixed_bfloat16"
    finally:
        keras.config.set_dtype_policy("float32")
    assert model.rec_encoder.compute_dtype == "float32"


def test_not_a_run(tmp_path: Path):
    with pytest.raises(InputError, match="is not a run directory"):
        sesrec_tf.load(tmp_path)


def test_no_finished_epoch(run_copy: Path):
    shutil.rmtree(run_copy / "checkpoints")
    with pytest.raises(InputError, match="holds no finished epoch"):
        sesrec_tf.load(run_copy)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: sesrec", "name: other", "`model` should be one of"),
        ("query_width: 8", "query_width: 10", "does not fit this model"),
        ("beta: 0.001", "betta: 0.001", "unknown setting `model.betta`"),
    ],
)
def test_a_run_of_another_model(run_copy: Path, old: str, new: str, message: str):
    edit(run_copy / "config.yaml", old, new)
    with pytest.raises(InputError, match=message):
        sesrec_tf.load(run_copy)


def test_another_format_version(run_copy: Path):
    edit(run_copy / "dataset" / "dataset_info.json", '"format_version": 1', '"format_version": 0')
    with pytest.raises(InputError, match="format version 0, expected"):
        sesrec_tf.load(run_copy)


@pytest.mark.parametrize("name", ["items", "users"])
def test_tables_of_another_data_set(run_copy: Path, name: str):
    file = run_copy / "dataset" / "tables" / f"{name}.parquet"
    pd.read_parquet(file).iloc[:-1].to_parquet(file)
    with pytest.raises(InputError, match=rf"{name}\.parquet has \d+ rows, expected"):
        sesrec_tf.load(run_copy)
    file.write_bytes(b"no Parquet")
    with pytest.raises(InputError, match="cannot read"):
        sesrec_tf.load(run_copy)


def test_a_truncated_checkpoint(run_copy: Path):
    (file,) = (run_copy / "checkpoints").glob("best-*/model.data-*")
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(InputError, match="is damaged or does not fit this model"):
        sesrec_tf.load(run_copy)


def test_a_loaded_model_scores_candidates_of_any_number(
    tiny_run: RunDirectory, tiny_data: PreparedDataset
):
    model = sesrec_tf.load(tiny_run.path)
    shape = tiny_data.history
    batch = {
        "user": tf.constant([2]),
        "rec_items": tf.constant([[3, 4, 0, 0, 0, 0]]),
        "queries": tf.zeros([1, shape.search_length], tf.int32),
        "query_words": tf.zeros([1, shape.search_length, shape.query_words], tf.int32),
        "query_sources": tf.zeros([1, shape.search_length], tf.int32),
        "clicked_items": tf.zeros([1, shape.search_length, shape.clicks], tf.int32),
        "candidates": tf.constant([[5, 6, 7]]),
    }
    together = model(batch)
    state = model.encode(batch)
    alone = [model.score(state, tf.constant([[item]]))[0, 0] for item in (5, 6, 7)]
    np.testing.assert_allclose(together[0], alone, atol=1e-6)


def test_importing_the_package_is_light():
    code = (
        "import sys, sesrec_tf; sesrec_tf.__version__; dir(sesrec_tf); "
        "heavy = {'tensorflow', 'keras', 'pandas', 'numpy'} & set(sys.modules); "
        "assert not heavy, heavy; sesrec_tf.Config; "
        "assert 'tensorflow' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_public_names():
    assert set(sesrec_tf.__all__) <= set(dir(sesrec_tf))
    for name in sesrec_tf.__all__:
        assert getattr(sesrec_tf, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Loader'"):
        sesrec_tf.Loader  # noqa: B018
