from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from sesrec_tf.config import Config
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.loading import load
from sesrec_tf.models.ranking_model import RankingModel
from sesrec_tf.models.registry import create_model
from sesrec_tf.schema import FIRST_KNOWN, PADDING, UNKNOWN
from sesrec_tf.training.run_directory import RunDirectory
from sesrec_tf.training.warm_start import warm_start


def rows_by_name(model: RankingModel, data: PreparedDataset) -> dict[tuple[str, str], np.ndarray]:
    """Each table row by vocabulary and raw id; padding and unknown by names of their own."""
    rows = {}
    for layer, vocabulary in model.id_tables():
        table = layer.table.numpy()
        names = ["(padding)", "(unknown)", *data.vocabulary(vocabulary)]
        for index, name in enumerate(names):
            if index >= layer.first_row_index:
                rows[vocabulary, name] = table[index - layer.first_row_index]
    return rows


@pytest.fixture(scope="module")
def tomorrow(tiny_logs: LogTables, tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    """One more day: other users first, new users, items, words, sources and brands, some gone."""
    interactions = tiny_logs.interactions.copy()
    interactions = interactions[interactions["user_id"] != "u5"]
    late = pd.DataFrame(
        {
            "user_id": ["a_new_user"] * 6 + ["u1"] * 3,
            "item_id": ["fresh1", "fresh2", "i5", "i6", "i7", "i8", "fresh1", "fresh3", "i9"],
            "timestamp": [500, 510, 520, 530, 540, 550, 500, 510, 520],
        }
    )
    interactions = pd.concat([late, interactions.iloc[::-1]], ignore_index=True)
    searches = pd.concat(
        [
            pd.DataFrame(
                {
                    "user_id": ["u1"],
                    "session_id": ["zz"],
                    "query": ["w1 neverseen"],
                    "source": ["voice"],
                    "clicked_item_ids": ["fresh1"],
                    "timestamp": [505],
                }
            ),
            tiny_logs.searches[tiny_logs.searches["user_id"] != "u5"].iloc[::-1],
        ],
        ignore_index=True,
    )
    assert tiny_logs.items is not None
    fresh = pd.DataFrame(
        {
            "item_id": ["fresh1", "fresh2", "fresh3"],
            "brand": ["a_new_brand", "b1", "b2"],
            "category": ["c0 > d0"] * 3,
        }
    )
    items = pd.concat([fresh, tiny_logs.items.iloc[::-1]], ignore_index=True)
    options = PrepareOptions(max_rec=6, max_searches=4, max_clicks=2, max_words=3, num_negatives=19)
    logs = LogTables(interactions, searches, items, tiny_logs.users)
    return prepare(logs, options, tmp_path_factory.mktemp("tomorrow") / "data")


def new_model(config: Config, data: PreparedDataset) -> RankingModel:
    return create_model(config, data)


def test_rows_are_carried_over_by_raw_id(
    tiny_run: RunDirectory,
    tiny_config: Config,
    tiny_data: PreparedDataset,
    tomorrow: PreparedDataset,
) -> None:
    assert tomorrow.vocabulary("users") != tiny_data.vocabulary("users")
    assert tomorrow.vocabulary("items").index("fresh1") >= 0
    model = new_model(tiny_config, tomorrow)
    carried = warm_start(model, tiny_run, tomorrow)
    old = rows_by_name(load(tiny_run.path), tiny_data)
    new = rows_by_name(model, tomorrow)
    missing = set()
    for (vocabulary, name), row in new.items():
        if (vocabulary, name) not in old:
            missing.add((vocabulary, name))
        expected = old.get((vocabulary, name), old[vocabulary, "(unknown)"])
        np.testing.assert_array_equal(row, expected, err_msg=f"{vocabulary} {name}")
    assert {
        ("users", "a_new_user"),
        ("items", "fresh1"),
        ("words", "neverseen"),
        ("item_brand", "a_new_brand"),
    } <= missing
    assert ("users", "u5") not in new
    assert carried.new_rows == len(missing)
    special = sum(name in ("(padding)", "(unknown)") for _, name in new)
    assert carried.rows == len(new) - len(missing) - special
    assert str(carried) == f"{carried.rows:,} table rows carried over, {carried.new_rows:,} new"


def test_all_other_weights_are_copied(
    tiny_run: RunDirectory, tiny_config: Config, tomorrow: PreparedDataset
) -> None:
    model = new_model(tiny_config, tomorrow)
    warm_start(model, tiny_run, tomorrow)
    old = load(tiny_run.path)
    tables = {id(layer.table) for layer, _ in model.id_tables()}
    compared = 0
    for source, target in zip(old.trainable_variables, model.trainable_variables, strict=True):
        if id(target) not in tables:
            np.testing.assert_array_equal(source, target, err_msg=target.path)
            compared += 1
    assert compared > 20


def test_the_same_data_give_the_same_model(
    tiny_run: RunDirectory, tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    model = new_model(tiny_config, tiny_data)
    assert warm_start(model, tiny_run, tiny_data).new_rows == 0
    for source, target in zip(
        load(tiny_run.path).trainable_variables, model.trainable_variables, strict=True
    ):
        np.testing.assert_array_equal(source, target, err_msg=target.path)


@pytest.mark.parametrize(
    "other", [{"item_width": 12}, {"hidden_units": (8,)}, {"multi_interest": False}]
)
def test_another_model_is_refused(
    tiny_run: RunDirectory,
    tiny_config: Config,
    tiny_data: PreparedDataset,
    other: dict[str, object],
) -> None:
    model = new_model(tiny_config.replace("model", **other), tiny_data)
    before = [variable.numpy() for variable in model.trainable_variables]
    with pytest.raises(InputError, match=r"has another model: weights differ in .*--config"):
        warm_start(model, tiny_run, tiny_data)
    for variable, value in zip(model.trainable_variables, before, strict=True):
        np.testing.assert_array_equal(variable, value)


def test_indices_of_the_schema() -> None:
    """`rows_by_name` puts padding and unknown first."""
    assert (PADDING, UNKNOWN, FIRST_KNOWN) == (0, 1, 2)
