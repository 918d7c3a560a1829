"""Named settings."""

from __future__ import annotations

from dataclasses import fields

import pytest

from sesrec_tf.config import Config
from sesrec_tf.errors import InputError
from sesrec_tf.models.presets import PRESETS, parity, preset

# Spec §1.1 and §1.8.
PUBLISHED = {
    "kindle": {
        "history": (15, 15, 15, 1),
        "d": 32,
        "d_u": 32,
        "query": (16, 16),
        "heads": 4,
        "weight_decay": 1e-5,
        "patience": (5, 5),
    },
    "kuaishou": {
        "history": (150, 25, 6, 5),
        "d": 48,
        "d_u": 28,
        "query": (32, 32),
        "heads": 2,
        "weight_decay": 1e-6,
        "patience": (1, 2),
    },
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings(name: str) -> None:
    expected, chosen = PUBLISHED[name], preset(name)
    config, sizes = chosen.config, chosen.sizes
    model, training, history = config.model, config.training, config.history
    assert sizes is not None
    widths = (history.rec_length, history.search_length, history.query_words, history.clicks)
    assert widths == expected["history"]
    item_attributes, user_attributes = len(sizes.item_attributes), len(sizes.user_attributes)
    assert model.item_width + model.item_attribute_width * item_attributes == expected["d"]
    assert model.user_width + model.user_attribute_width * user_attributes == expected["d_u"]
    assert (model.query_width, model.word_width) == expected["query"]
    assert model.heads == expected["heads"]
    assert training.weight_decay == expected["weight_decay"]
    patience = (training.plateau_patience, training.early_stopping_patience)
    assert patience == expected["patience"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_the_published_runs_share(name: str) -> None:
    config = preset(name).config
    model, training = config.model, config.training
    assert (model.alpha, model.beta, model.margin, model.temperature) == (0.1, 0.001, 0.1, 0.1)
    assert (model.hidden_units, model.dropout, model.blocks) == ((200, 80), 0.1, 1)
    assert model.alignment_negatives == 1024
    assert (training.learning_rate, training.batch_size, training.negatives) == (1e-3, 256, 4)
    assert (training.plateau_factor, training.minimum_learning_rate) == (0.1, 1e-5)
    assert (training.seed, training.epsilon) == (20210823, 1e-8)


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_survives_its_file(name: str) -> None:
    config = preset(name).config
    assert Config.from_dict(config.to_dict()) == config


def test_parity_takes_the_official_codes_choices_and_nothing_else() -> None:
    config = preset("kindle").config.replace("model", alpha=0.7, threshold="median")
    config = config.replace("training", optimizer="lazy_adam", epochs=3, weight_decay=0.5)
    chosen = parity(config)
    changed = {
        (section, field.name): getattr(getattr(chosen, section), field.name)
        for section in ("history", "model", "training")
        for field in fields(getattr(config, section))
        if getattr(getattr(chosen, section), field.name)
        != getattr(getattr(config, section), field.name)
    }
    assert changed == {
        ("model", "closed_tables"): True,
        ("model", "alignment_shared_bilinear"): False,
        ("model", "mask_both_axes"): False,
        ("model", "minimum_temperature"): None,
        ("model", "initialization"): "torch",
        ("training", "optimizer"): "adam",
        ("training", "unknown_rate"): 0.0,
    }
    assert parity(chosen) == chosen
    # The code's other choices are this project's defaults too.
    assert chosen.model.alignment_positive_in_denominator
    assert chosen.model.alignment_reduction == "mean"
    assert chosen.model.project_candidates
    assert not chosen.model.threshold_strict


def test_parity_undoes_the_slides_choices_and_the_average() -> None:
    config = preset("kindle").config.replace(
        "model",
        project_candidates=False,
        alignment_positive_in_denominator=False,
        alignment_reduction="sum",
        threshold_strict=True,
    )
    config = config.replace("training", weight_average=0.7)
    assert parity(config) == parity(preset("kindle").config)


def test_an_unknown_name_is_an_error() -> None:
    with pytest.raises(InputError, match=r"should be one of demo, .*kindle.*Received: 'amazon'"):
        preset("amazon")
