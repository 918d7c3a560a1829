"""Command-line flags of the settings, and the configuration they lead to."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Mapping
from typing import Any

from sesrec_tf.config import Config
from sesrec_tf.errors import InputError
from sesrec_tf.models.presets import PRESETS, parity, preset
from sesrec_tf.models.registry import MODELS
from sesrec_tf.schema import HistoryShape


def threshold(text: str) -> str | float:
    """`mean`, `median`, or a number; fractions such as 1/8 are understood."""
    if text in ("mean", "median"):
        return text
    numerator, _, denominator = text.partition("/")
    try:
        return float(numerator) / float(denominator or 1)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(
            f"expected mean, median or a number such as 0.125 or 1/8, received {text!r}"
        ) from None


def units(text: str) -> tuple[int, ...]:
    """Comma-separated widths."""
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected widths such as 200,80, received {text!r}"
        ) from None


_SETTINGS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "--model": ("model", "name", {"choices": sorted(MODELS), "help": "which model"}),
    "--epochs": ("training", "epochs", {"type": int, "help": "epochs at most"}),
    "--batch-size": ("training", "batch_size", {"type": int, "help": "over all replicas"}),
    "--seed": ("training", "seed", {"type": int, "help": "of every random draw"}),
    "--threshold": ("model", "threshold", {"type": threshold, "help": "mean, median or a number"}),
    "--alpha": ("model", "alpha", {"type": float, "help": "weight of the alignment loss"}),
    "--beta": ("model", "beta", {"type": float, "help": "weight of the contrast loss"}),
    "--multi-interest": (
        "model",
        "multi_interest",
        {"action": argparse.BooleanOptionalAction, "help": "pool similar and dissimilar events"},
    ),
    "--dropout": ("model", "dropout", {"type": float, "help": "rate of every dropout"}),
    "--item-width": ("model", "item_width", {"type": int, "help": "width of item ids"}),
    "--user-width": ("model", "user_width", {"type": int, "help": "width of user ids"}),
    "--hidden-units": ("model", "hidden_units", {"type": units, "help": "such as 200,80"}),
    "--optimizer": (
        "training",
        "optimizer",
        {"choices": ("adam", "lazy_adam"), "help": "dense, or only the table rows used"},
    ),
    "--learning-rate": ("training", "learning_rate", {"type": float, "help": "at the start"}),
    "--weight-decay": ("training", "weight_decay", {"type": float, "help": "λ of coupled L2"}),
    "--weight-average": (
        "training",
        "weight_average",
        {"type": float, "help": "decay an epoch of the averaged weights that are kept; 0: none"},
    ),
    "--num-negatives": ("training", "negatives", {"type": int, "help": "a positive"}),
    "--train-negatives": (
        "training",
        "negative_distribution",
        {"choices": ("popularity", "uniform"), "help": "distribution of training negatives"},
    ),
    "--unknown-rate": (
        "training",
        "unknown_rate",
        {"type": float, "help": "probability that an id becomes unknown in training"},
    ),
    "--official-sampling": (
        "training",
        "official_sampling",
        {
            "action": argparse.BooleanOptionalAction,
            "help": "rows never shuffled, the same negatives every epoch, as the official loader",
        },
    ),
    "--mixed-precision": (
        "training",
        "mixed_precision",
        {
            "choices": ("float32", "mixed_float16", "mixed_bfloat16"),
            "help": "Keras precision policy",
        },
    ),
    "--checkpoint-steps": (
        "training",
        "checkpoint_steps",
        {"type": int, "help": "also checkpoint every so many steps; 0: after epochs only"},
    ),
}


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that override single settings."""
    group = parser.add_argument_group("settings (override the preset and the configuration file)")
    for flag, (section, setting, options) in _SETTINGS.items():
        if "type" in options:
            options = {"metavar": setting.upper(), **options}
        group.add_argument(flag, dest=f"{section}.{setting}", default=None, **options)


def given_settings(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The settings given on the command line, by section."""
    given: dict[str, dict[str, Any]] = {}
    for section, setting, _ in _SETTINGS.values():
        value = getattr(arguments, f"{section}.{setting}")
        if value is not None:
            given.setdefault(section, {})[setting] = value
    return given


def resolve_config(
    default_preset: str,
    preset_name: str | None,
    file: str | None,
    official: bool,
    stored: HistoryShape,
    given: Mapping[str, Mapping[str, Any]],
) -> Config:
    """Settings from a preset, then a file, then parity, then single flags.

    Args:
        default_preset: the preset if none is named; its widths follow the data.
        preset_name: a named preset, history widths included.
        file: a YAML file, which replaces the preset; without widths in it, the data's.
        official: the official code's choices.
        stored: widths of the data's records.
        given: settings by section.

    Raises:
        InputError: if both a preset and a file are named, or a setting is unusable.
    """
    if preset_name and file:
        raise InputError(
            "`--preset` and `--config` exclude each other. Expected one of them. Put the "
            "preset's settings into the file."
        )
    if file:
        config = Config.load(file, stored)
    elif preset_name and PRESETS[preset_name].sizes is not None:
        config = preset(preset_name).config
    else:
        config = dataclasses.replace(preset(preset_name or default_preset).config, history=stored)
    if official:
        config = parity(config)
    return apply_settings(config, given)


def apply_settings(config: Config, given: Mapping[str, Mapping[str, Any]]) -> Config:
    """`config` with single settings replaced."""
    for section, values in given.items():
        config = config.replace(section, **values)
    return config
