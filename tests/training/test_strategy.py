from __future__ import annotations

import pytest
import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.training.strategy import choose_strategy, is_chief


@pytest.mark.parametrize("replicas", [None, 1])
def test_one_device_needs_no_strategy(replicas: int | None) -> None:
    if tf.config.list_physical_devices("GPU") and replicas is None:
        pytest.skip("this machine has GPUs")
    strategy = choose_strategy(replicas)
    assert strategy is tf.distribute.get_strategy()
    assert is_chief(strategy)


@pytest.mark.parametrize("replicas", [0, -2])
def test_replicas_are_positive(replicas: int) -> None:
    with pytest.raises(InputError, match=rf"positive integer. Received: {replicas}"):
        choose_strategy(replicas)


def test_too_late_for_logical_devices() -> None:
    tf.constant(1) + 1
    tf.config.list_logical_devices()
    with pytest.raises(InputError, match=r"3 logical CPU devices.*before any other TensorFlow"):
        choose_strategy(3)
