from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pytest
from google.protobuf import text_format
from tensorboard.plugins.projector import ProjectorConfig

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.training import projector as module
from sesrec_tf.training.projector import CONFIG_FILE, Projector

WORDS = 3


@pytest.fixture(scope="module")
def model(tiny_config: Config, tiny_data: PreparedDataset) -> RankingModel:
    return create_model(tiny_config, tiny_data)


@pytest.fixture(scope="module")
def written(
    model: RankingModel, tiny_data: PreparedDataset, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    directory = tmp_path_factory.mktemp("projector")
    Projector(directory, model, tiny_data, WORDS).write()
    return directory


def _metadata(directory: Path, name: str) -> pd.DataFrame:
    """As TensorBoard reads it: lines and tabs, no quoting."""
    lines = (directory / f"projector/{name}_metadata.tsv").read_text("utf-8").split("\n")
    header, *rows = (line.split("\t") for line in lines[:-1])
    return pd.DataFrame(rows, columns=header)


def _vectors(directory: Path, name: str) -> np.ndarray:
    return np.loadtxt(directory / f"projector/{name}.tsv", delimiter="\t", ndmin=2)


def test_the_announcement_names_files_that_exist(written: Path) -> None:
    config = text_format.Parse((written / CONFIG_FILE).read_text("utf-8"), ProjectorConfig())
    assert [tensor.tensor_name for tensor in config.embeddings] == ["items", "queries"]
    for tensor in config.embeddings:
        assert (written / tensor.tensor_path).is_file()
        assert (written / tensor.metadata_path).is_file()
    assert not list(written.rglob(".*"))


def test_items_carry_raw_ids_attributes_and_counts(
    written: Path, tiny_data: PreparedDataset
) -> None:
    metadata = _metadata(written, "items")
    assert list(metadata.columns) == ["item_id", "brand", "category_1", "category_2", "count"]
    assert {"NA", "007", "größe"} <= set(metadata["item_id"])
    by_id = metadata.set_index("item_id")
    # The fixture gives item 2 brand 2 % 4 and category 2 % 2 > 2 % 6.
    assert list(by_id.loc["größe", ["brand", "category_1", "category_2"]]) == [
        "b2",
        "c0",
        "c0 > d2",
    ]
    counts = dict(zip(tiny_data.vocabulary("items"), tiny_data.item_counts[2:], strict=True))
    assert by_id["count"].astype(int).to_dict() == counts
    assert metadata["count"].astype(int).is_monotonic_decreasing


def test_item_vectors_are_the_projected_items_of_their_rows(
    written: Path, model: RankingModel, tiny_data: PreparedDataset
) -> None:
    index = {raw: number + 2 for number, raw in enumerate(tiny_data.vocabulary("items"))}
    ids = np.array([index[raw] for raw in _metadata(written, "items")["item_id"]], np.int32)
    np.testing.assert_allclose(_vectors(written, "items"), model.embed_items(ids), rtol=1e-5)


def test_query_vectors_are_the_projected_queries_of_their_texts(
    written: Path, model: RankingModel, tiny_data: PreparedDataset
) -> None:
    metadata = _metadata(written, "queries")
    assert list(metadata.columns) == ["query", "count"]
    table = tiny_data.table("queries").set_index("text").loc[metadata["query"]]
    assert list(metadata["count"].astype(int)) == list(table["count"])
    words = np.stack(table["words"].to_list()).astype(np.int32)
    expected = model.embed_queries(table["query"].to_numpy(np.int32), words)
    np.testing.assert_allclose(_vectors(written, "queries"), expected, rtol=1e-5)


def test_only_the_most_frequent_rows(
    model: RankingModel,
    tiny_data: PreparedDataset,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "MAX_ROWS", 5)
    Projector(tmp_path, model, tiny_data, WORDS).write()
    counts = _metadata(tmp_path, "items")["count"].astype(int)
    assert list(counts) == sorted(tiny_data.item_counts[2:])[::-1][:5]
    assert len(_vectors(tmp_path, "items")) == len(_vectors(tmp_path, "queries")) == 5


def test_separators_in_a_text_do_not_shift_columns(
    model: RankingModel, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    shutil.copytree(tiny_data.path, data)
    file = data / "tables/queries.parquet"
    queries = pd.read_parquet(file)
    queries["text"] = "a\tb\r" + queries["text"]
    queries.to_parquet(file)
    Projector(tmp_path, model, PreparedDataset(data), WORDS).write()
    metadata = _metadata(tmp_path, "queries")
    assert len(metadata) == len(queries)
    assert metadata["query"].str.startswith("a b ").all()


def test_a_second_call_changes_vectors_only(
    tiny_config: Config, tiny_data: PreparedDataset, tmp_path: Path
) -> None:
    model = create_model(tiny_config, tiny_data)
    projector = Projector(tmp_path, model, tiny_data, WORDS)
    projector.write()
    vectors, metadata = _vectors(tmp_path, "items"), _metadata(tmp_path, "items")
    for variable in model.trainable_variables:
        variable.assign(2 * variable.value)
    projector.write()
    assert not np.allclose(_vectors(tmp_path, "items"), vectors)
    pd.testing.assert_frame_equal(_metadata(tmp_path, "items"), metadata)


def test_a_model_without_queries_shows_items(tiny_data: PreparedDataset, tmp_path: Path) -> None:
    class ItemsAlone(RankingModel):
        def embed_items(self, ids: Any) -> Any:
            return keras.ops.one_hot(ids, 3)

    Projector(tmp_path, ItemsAlone(), tiny_data, WORDS).write()
    config = text_format.Parse((tmp_path / CONFIG_FILE).read_text("utf-8"), ProjectorConfig())
    assert [tensor.tensor_name for tensor in config.embeddings] == ["items"]
