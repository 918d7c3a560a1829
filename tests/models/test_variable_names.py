from __future__ import annotations

import pytest

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.registry import create_model
from sesrec_tf.models.variable_names import name_in_model


@pytest.mark.parametrize(
    ("path", "name"),
    [("sesrec/alignment/temperature", "alignment/temperature"), ("bias", "bias")],
)
def test_the_models_own_name_is_left_out(path: str, name: str) -> None:
    assert name_in_model(path) == name


def test_two_models_have_the_same_names(tiny_config: Config, tiny_data: PreparedDataset) -> None:
    models = [create_model(tiny_config, tiny_data) for _ in range(2)]
    names = [[name_in_model(variable.path) for variable in model.weights] for model in models]
    assert names[0] == names[1]
    assert len(set(names[0])) == len(names[0])
