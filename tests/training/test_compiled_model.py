"""The model of a run, compiled."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.training.compiled_model import compiled_model


class TwoReplicas:
    num_replicas_in_sync = 2


def test_the_seed_alone_decides_the_weights(
    tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    found = []
    for seed in (3, 4):
        keras.utils.set_random_seed(seed)
        found.append(compiled_model(tiny_config, tiny_data, tf.distribute.get_strategy()))
    for one, other in zip(*(model.get_weights() for model in found), strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_precision_is_its_own(tiny_config: Config, tiny_data: PreparedDataset) -> None:
    before = keras.config.dtype_policy()
    config = tiny_config.replace("training", mixed_precision="mixed_bfloat16")
    model = compiled_model(config, tiny_data, tf.distribute.get_strategy())
    assert model.compute_dtype == "bfloat16"
    assert keras.config.dtype_policy() is before


def test_a_batch_that_replicas_cannot_divide(
    tiny_config: Config, tiny_data: PreparedDataset
) -> None:
    config = tiny_config.replace("training", batch_size=3)
    with pytest.raises(InputError, match=r"a multiple of the 2 replicas. Received: 3"):
        compiled_model(config, tiny_data, TwoReplicas())
