from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesrec_tf.config import Config
from sesrec_tf.errors import InputError
from sesrec_tf.models.presets import parity, preset
from sesrec_tf.schema import HistoryShape
from sesrec_tf.training.flags import (
    add_setting_flags,
    apply_settings,
    given_settings,
    resolve_config,
    threshold,
    units,
)

STORED = HistoryShape(rec_length=6, search_length=4, query_words=3, clicks=2)


def given_by(*argv: str) -> dict[str, dict[str, object]]:
    parser = argparse.ArgumentParser()
    add_setting_flags(parser)
    return given_settings(parser.parse_args(argv))


def resolve(**arguments: object) -> Config:
    defaults = {
        "default_preset": "kindle",
        "preset_name": None,
        "file": None,
        "official": False,
        "stored": STORED,
        "given": {},
    }
    return resolve_config(**{**defaults, **arguments})


def test_nothing_given_changes_nothing() -> None:
    assert given_by() == {}


@pytest.mark.parametrize(
    ("argv", "section", "setting", "value"),
    [
        ("--model sesrec", "model", "name", "sesrec"),
        ("--epochs 3", "training", "epochs", 3),
        ("--batch-size 64", "training", "batch_size", 64),
        ("--seed 7", "training", "seed", 7),
        ("--threshold median", "model", "threshold", "median"),
        ("--threshold 1/8", "model", "threshold", 0.125),
        ("--alpha 0", "model", "alpha", 0.0),
        ("--beta 0.5", "model", "beta", 0.5),
        ("--multi-interest", "model", "multi_interest", True),
        ("--no-multi-interest", "model", "multi_interest", False),
        ("--dropout 0", "model", "dropout", 0.0),
        ("--hidden-units 8,4", "model", "hidden_units", (8, 4)),
        ("--optimizer lazy_adam", "training", "optimizer", "lazy_adam"),
        ("--learning-rate 1e-4", "training", "learning_rate", 1e-4),
        ("--weight-average 0.7", "training", "weight_average", 0.7),
        ("--num-negatives 9", "training", "negatives", 9),
        ("--train-negatives uniform", "training", "negative_distribution", "uniform"),
        ("--unknown-rate 0", "training", "unknown_rate", 0.0),
        ("--no-official-sampling", "training", "official_sampling", False),
        ("--mixed-precision mixed_bfloat16", "training", "mixed_precision", "mixed_bfloat16"),
        ("--checkpoint-steps 5", "training", "checkpoint_steps", 5),
    ],
)
def test_a_flag_is_a_setting(argv: str, section: str, setting: str, value: object) -> None:
    given = given_by(*argv.split())
    assert given == {section: {setting: value}}
    assert type(given[section][setting]) is type(value)
    config = apply_settings(preset("kindle").config, given)
    assert getattr(getattr(config, section), setting) == value


def test_the_preset_of_the_situation_has_the_widths_of_the_data() -> None:
    for name in ("kindle", "demo"):
        config = resolve(default_preset=name)
        assert config.history == STORED
        assert config.model == preset(name).config.model


def test_a_named_preset_has_its_own_widths() -> None:
    assert resolve(preset_name="kuaishou") == preset("kuaishou").config


def test_flags_come_last(tmp_path: Path) -> None:
    """Over a preset, over parity, over a file."""
    given = {"model": {"alpha": 0.7}, "training": {"epochs": 2}}
    assert resolve(given=given).model.alpha == 0.7
    official = resolve(official=True, given=given)
    assert official == apply_settings(parity(apply_settings(resolve(), {})), given)
    file = tmp_path / "config.yaml"
    stored = preset("kindle").config.replace("model", alpha=0.3, beta=0.2)
    stored.save(file)
    from_file = resolve(file=str(file), given=given)
    assert from_file == apply_settings(stored, given)
    assert from_file.model.beta == 0.2


def test_a_file_without_widths_takes_those_of_the_data(tmp_path: Path) -> None:
    file = tmp_path / "config.yaml"
    file.write_text("training: {epochs: 2}\n", "utf-8")
    found = resolve(file=str(file))
    assert found.history == resolve().history != HistoryShape()
    assert found.training.epochs == 2


def test_preset_and_file_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="`--preset` and `--config` exclude each other"):
        resolve(preset_name="kindle", file=str(tmp_path / "config.yaml"))


def test_unusable_settings_are_input_errors(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"`epochs` should be a positive integer\. Received: 0"):
        resolve(given=given_by("--epochs", "0"))
    for seed in (2**63, -(2**63) - 1):
        with pytest.raises(InputError, match=f"64-bit integer. Received: {seed}"):
            resolve(given=given_by("--seed", str(seed)))
    with pytest.raises(InputError, match="cannot read the configuration"):
        resolve(file=str(tmp_path / "none.yaml"))
    (tmp_path / "config.yaml").write_text("model:\n  width: 3\n")
    with pytest.raises(InputError, match=r"unknown setting `model\.width`"):
        resolve(file=str(tmp_path / "config.yaml"))


@given(st.integers(1, 99), st.integers(100, 999))
def test_fractions(numerator: int, denominator: int) -> None:
    assert threshold(f"{numerator}/{denominator}") == numerator / denominator
    assert threshold(str(numerator / denominator)) == numerator / denominator


@pytest.mark.parametrize("text", ["", "half", "1/0", "1/2/3", "/", "1/x"])
def test_no_threshold(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="expected mean, median or a number"):
        threshold(text)


def test_widths() -> None:
    assert units("200") == (200,)
    assert units("200,80,8") == (200, 80, 8)
    for text in ("", "a", "1,,2", "1.5"):
        with pytest.raises(argparse.ArgumentTypeError, match="expected widths"):
            units(text)
