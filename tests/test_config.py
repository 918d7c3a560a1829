"""Settings, their checks and their file."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sesrec_tf.config import Config, ModelConfig, TrainingConfig
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape

CHANGED = Config(
    HistoryShape(3, 4, 5, 6),
    ModelConfig(
        hidden_units=(9,), threshold=0.125, minimum_temperature=None, embedding_initialization=0.02
    ),
    TrainingConfig(optimizer="lazy_adam", mixed_precision="mixed_bfloat16", epochs=2),
)


@pytest.mark.parametrize("config", [Config(), CHANGED])
def test_the_file_round_trips(config: Config, tmp_path: Path) -> None:
    config.save(tmp_path / "config.yaml")
    assert Config.load(tmp_path / "config.yaml") == config
    assert Config.from_dict(config.to_dict()) == config


@settings(
    deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    st.builds(
        ModelConfig,
        heads=st.integers(1, 8),
        alpha=st.floats(0, 10),
        dropout=st.floats(0, 0.99),
        threshold=st.one_of(st.sampled_from(["mean", "median"]), st.floats(0.01, 0.99)),
        minimum_temperature=st.one_of(st.none(), st.floats(1e-6, 1)),
        hidden_units=st.lists(st.integers(1, 300), max_size=3).map(tuple),
        closed_tables=st.booleans(),
    )
)
def test_any_model_settings_round_trip(tmp_path: Path, model: ModelConfig) -> None:
    config = Config(model=model)
    config.save(tmp_path / "config.yaml")
    assert Config.load(tmp_path / "config.yaml") == config


def test_absent_settings_take_their_defaults(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("model:\n  alpha: 1\n  hidden_units: [8, 4]\n")
    config = Config.load(tmp_path / "config.yaml")
    assert config == Config(model=ModelConfig(alpha=1.0, hidden_units=(8, 4)))
    assert type(config.model.alpha) is float


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"modle": {}}, "unknown setting `modle`. Expected one of history, model, training"),
        ({"model": {"depth": 3}}, "unknown setting `model.depth`. Expected one of name, item_w"),
        ({"model": 3}, "`model` should be a mapping. Received: 3"),
        ({"model": {"heads": "4"}}, "`model.heads` should be of type .*int.*. Received: '4'"),
        ({"model": {"heads": 4.0}}, "`model.heads` should be of type .*int.*. Received: 4.0"),
        ({"model": {"heads": True}}, "`model.heads` should be of type .*int.*. Received: True"),
        ({"model": {"alpha": "0.1"}}, "`model.alpha` should be of type .*float.*'0.1'"),
        ({"model": {"alpha": True}}, "`model.alpha` should be of type .*float.*True"),
        ({"model": {"closed_tables": 1}}, "`model.closed_tables` should be of type .*bool"),
        ({"model": {"closed_tables": "no"}}, "`model.closed_tables` should be of type .*bool"),
        ({"model": {"hidden_units": 8}}, "`model.hidden_units` should be of type .*tuple"),
        ({"model": {"hidden_units": [8, "4"]}}, r"`model.hidden_units\[1\]` should be of .*int"),
        ({"model": {"name": None}}, "`model.name` should be of type .*str"),
        ({"history": {"clicks": 0}}, "`clicks` should be a positive integer. Received: 0"),
    ],
)
def test_a_bad_file_says_what_is_wrong(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Config.from_dict(values)


@pytest.mark.parametrize("text", ["- a\n- b\n", "3", "", "model: [1, 2"])
def test_a_file_that_is_no_mapping_is_an_error(tmp_path: Path, text: str) -> None:
    file = tmp_path / "config.yaml"
    file.write_text(text)
    with pytest.raises(InputError, match=r"config\.yaml"):
        Config.load(file)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"cannot read the configuration .*none\.yaml"):
        Config.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("section", "setting", "values"),
    [
        *[
            (ModelConfig, name, [0, -1, 1.5, "3"])
            for name in ("item_width", "heads", "blocks", "alignment_negatives")
        ],
        (ModelConfig, "dropout", [-0.1, 1.0, float("nan")]),
        (ModelConfig, "alpha", [-1e-9, float("nan")]),
        (ModelConfig, "beta", [-1e-9, float("nan")]),
        (ModelConfig, "threshold", ["max", 0.0, 1.0, 2, None]),
        (ModelConfig, "alignment_reduction", ["max"]),
        (ModelConfig, "initialization", ["zeros"]),
        *[(TrainingConfig, name, [0, -1, "3"]) for name in ("epochs", "batch_size", "negatives")],
        (TrainingConfig, "unknown_rate", [-0.1, 1.0]),
        (TrainingConfig, "negative_distribution", ["log"]),
        (TrainingConfig, "optimizer", ["sgd"]),
        (TrainingConfig, "mixed_precision", ["float16"]),
    ],
)
def test_values_out_of_range(section: type, setting: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(InputError, match=f"`{setting}` should be .*Received: "):
            section(**{setting: value})


def test_replace_changes_one_section_and_checks_it() -> None:
    config = Config().replace("model", alpha=0.5)
    assert config.model.alpha == 0.5
    assert config.training == Config().training
    with pytest.raises(InputError, match="`alpha` should be"):
        Config().replace("model", alpha=-1.0)


def test_settings_are_frozen() -> None:
    with pytest.raises(FrozenInstanceError):
        Config().model.alpha = 1.0  # type: ignore[misc]


@pytest.mark.parametrize(
    ("section", "setting", "value"),
    [
        ("training", "learning_rate", 0.0),
        ("training", "minimum_learning_rate", -1e-5),
        ("training", "epsilon", 0.0),
        ("training", "weight_decay", -1e-5),
        ("training", "checkpoint_steps", -1),
        ("training", "weight_average", 1.0),
        ("model", "item_attribute_width", 0),
        ("model", "user_attribute_width", -3),
        ("training", "plateau_factor", 1.0),
        ("model", "margin", -0.1),
        ("model", "temperature", 0.0),
        ("model", "hidden_units", (200, 0)),
    ],
)
def test_values_out_of_range_are_refused(section: str, setting: str, value: object) -> None:
    with pytest.raises(InputError, match=f"`{setting}` should be"):
        Config().replace(section, **{setting: value})
