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
    "--model": ("model", "name", {"choices": sorted(MODELS), "help": "registered model to train"}),
    "--epochs": (
        "training",
        "epochs",
        {"type": int, "help": "passes over the training data, unless training stops early"},
    ),
    "--batch-size": (
        "training",
        "batch_size",
        {"type": int, "help": "instances a step, shared by all replicas and workers"},
    ),
    "--seed": (
        "training",
        "seed",
        {"type": int, "help": "of every random draw: one seed, one result on a CPU"},
    ),
    "--threshold": (
        "model",
        "threshold",
        {
            "type": threshold,
            "help": "co-attention from which an event counts as similar: mean, median, or a "
            "number in (0, 1) such as 0.125 or 1/8",
        },
    ),
    "--alpha": ("model", "alpha", {"type": float, "help": "weight of the alignment loss; 0: off"}),
    "--beta": ("model", "beta", {"type": float, "help": "weight of the contrast loss; 0: off"}),
    "--multi-interest": (
        "model",
        "multi_interest",
        {
            "action": argparse.BooleanOptionalAction,
            "help": "whether similar and dissimilar events are pooled beside all events",
        },
    ),
    "--dropout": (
        "model",
        "dropout",
        {"type": float, "help": "dropout rate in encoders and prediction layers"},
    ),
    "--item-width": ("model", "item_width", {"type": int, "help": "width of item id vectors"}),
    "--user-width": ("model", "user_width", {"type": int, "help": "width of user id vectors"}),
    "--hidden-units": (
        "model",
        "hidden_units",
        {"type": units, "help": "widths of the hidden prediction layers, such as 200,80"},
    ),
    "--optimizer": (
        "training",
        "optimizer",
        {
            "choices": ("adam", "lazy_adam"),
            "help": "adam updates every row of every table at each step, lazy_adam only the rows "
            "that the batch uses",
        },
    ),
    "--learning-rate": (
        "training",
        "learning_rate",
        {"type": float, "help": "learning rate of the first epoch; it falls on plateaus"},
    ),
    "--weight-decay": (
        "training",
        "weight_decay",
        {
            "type": float,
            "help": "weight λ of the L2 term, whose gradient λθ is added to the loss's",
        },
    ),
    "--weight-average": (
        "training",
        "weight_average",
        {
            "type": float,
            "help": "validate and keep a moving average of the weights with this decay an epoch, "
            "in [0, 1); 0: the weights themselves",
        },
    ),
    "--num-negatives": (
        "training",
        "negatives",
        {"type": int, "help": "sampled items that each training positive is ranked against"},
    ),
    "--train-negatives": (
        "training",
        "negative_distribution",
        {
            "choices": ("popularity", "uniform"),
            "help": "draw training negatives by their training interactions, or all alike",
        },
    ),
    "--unknown-rate": (
        "training",
        "unknown_rate",
        {"type": float, "help": "probability that an id becomes unknown in training, in [0, 1)"},
    ),
    "--official-sampling": (
        "training",
        "official_sampling",
        {
            "action": argparse.BooleanOptionalAction,
            "help": "whether rows stay unshuffled and negatives the same every epoch, as in the "
            "official loader",
        },
    ),
    "--mixed-precision": (
        "training",
        "mixed_precision",
        {
            "choices": ("float32", "mixed_float16", "mixed_bfloat16"),
            "help": "Keras policy of the layers' arithmetic; weights are float32 in all of them",
        },
    ),
    "--checkpoint-steps": (
        "training",
        "checkpoint_steps",
        {
            "type": int,
            "help": "write a checkpoint every so many steps beside the one after each epoch; 0: "
            "after epochs only",
        },
    ),
}


def add_setting_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that override single settings."""
    group = parser.add_argument_group(
        "settings", "Defaults are those of the preset, or of --config; each flag replaces one."
    )
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
