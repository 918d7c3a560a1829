from __future__ import annotations

import pytest

from sesrec_tf.errors import InputError
from sesrec_tf.training.retrieval_config import RetrievalConfig


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("width", 0, "`--width` should be at least 1. Received: 0."),
        ("hidden_units", -1, "`--hidden-units` should be at least 1"),
        ("batch_size", 1, "`--batch-size` should be at least 2"),
        ("epochs", 0, "`--epochs`"),
        ("patience", 0, "`--patience`"),
        ("dropout", 1.0, r"`--dropout` should be in \[0, 1\)"),
        ("temperature", 0.0, "`--temperature` should be a positive number"),
        ("temperature", float("nan"), "`--temperature`"),
        ("learning_rate", float("inf"), "`--learning-rate`"),
        ("seed", -1, "`--seed`"),
    ],
)
def test_unusable_settings_are_named(name: str, value: float, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RetrievalConfig(**{name: value})


def test_the_defaults_are_usable() -> None:
    assert RetrievalConfig().width == 64
    assert "batch_size" in RetrievalConfig.names()
