"""How cores are divided among operations."""

from __future__ import annotations

import os

import pytest
import tensorflow as tf

from sesrec_tf.training.strategy import choose_strategy
from sesrec_tf.training.threads import divide_cores
from sesrec_tf.usable_cores import usable_cores
from tests.new_process import in_new_process

CORES = usable_cores()


def threads() -> tuple[int, int]:
    """For one operation, and operations at once; 0 is TensorFlow's own choice."""
    threading = tf.config.threading
    return (
        threading.get_intra_op_parallelism_threads(),
        threading.get_inter_op_parallelism_threads(),
    )


def after_a_strategy() -> tuple[int, int]:
    choose_strategy()
    return threads()


def after_a_choice_in_code() -> tuple[int, int]:
    tf.config.threading.set_intra_op_parallelism_threads(3)
    divide_cores()
    return threads()


def after_a_choice_in_the_environment(name: str) -> tuple[int, int]:
    os.environ[name] = "3"
    divide_cores()
    return threads()


def after_the_first_operation() -> tuple[int, int]:
    tf.constant(1) + 1
    divide_cores()
    return threads()


@pytest.mark.skipif(bool(tf.config.list_physical_devices("GPU")), reason="this machine has GPUs")
def test_a_strategy_without_gpus_divides_them() -> None:
    assert in_new_process(after_a_strategy) == (max(1, CORES // 2), CORES)


def test_a_choice_in_code_stays() -> None:
    assert in_new_process(after_a_choice_in_code) == (3, 0)


@pytest.mark.parametrize("name", ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"])
def test_a_choice_in_the_environment_stays(name: str) -> None:
    assert in_new_process(after_a_choice_in_the_environment, name) == (0, 0)


def test_too_late_is_without_effect() -> None:
    assert in_new_process(after_the_first_operation) == (0, 0)
