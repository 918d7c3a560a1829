from __future__ import annotations

import json
import warnings
from types import SimpleNamespace

import pytest
import tensorflow as tf
from tensorflow.python.eager import context

from sesrec_tf.errors import InputError
from sesrec_tf.training.strategy import choose_strategy, is_chief
from tests.new_process import in_new_process

WORKERS = {"worker": ["a:1", "b:1"]}


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


@pytest.mark.parametrize(
    ("cluster", "chief"),
    [
        (WORKERS, ("worker", 0)),
        ({"chief": ["c:1"], **WORKERS}, ("chief", 0)),
        ({"chief": ["c:1"]}, ("chief", 0)),
    ],
)
def test_a_cluster_has_one_chief(cluster: dict[str, list[str]], chief: tuple[str, int]) -> None:
    """Worker 0 only where no task has that name."""
    spec = tf.train.ClusterSpec(cluster)
    found = []
    for task_type in spec.jobs:
        for index in spec.task_indices(task_type):
            resolver = tf.distribute.cluster_resolver.SimpleClusterResolver(
                spec, task_type=task_type, task_id=index
            )
            if is_chief(SimpleNamespace(cluster_resolver=resolver)):
                found.append((task_type, index))
    assert found == [chief]


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "3",
        "{}",
        json.dumps({"cluster": WORKERS}),
        json.dumps({"task": {"type": "worker", "index": 0}}),
        json.dumps({"cluster": WORKERS, "task": {"type": "worker"}}),
        json.dumps({"cluster": WORKERS, "task": {"type": "worker", "index": "first"}}),
        json.dumps({"cluster": ["a:1"], "task": {"type": "worker", "index": 0}}),
    ],
)
def test_a_malformed_cluster(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(InputError, match="TF_CONFIG should be JSON such as") as error:
        choose_strategy()
    assert f"Received: {text} (" in str(error.value)


@pytest.mark.parametrize("task", [("worker", 2), ("worker", -1), ("chief", 0), ("ps", 0)])
def test_a_task_outside_the_cluster(task: tuple[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"cluster": {**WORKERS, "ps": ["p:1"]}, "task": {"type": task[0], "index": task[1]}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(value))
    with pytest.raises(InputError, match=r"\('worker', 0\), \('worker', 1\).*Received: ") as error:
        choose_strategy()
    assert str(task) in str(error.value)


def test_replicas_and_a_cluster_exclude_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    value = {"cluster": WORKERS, "task": {"type": "worker", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(value))
    with pytest.raises(InputError, match=r"Received: --replicas 2\. .*unset TF_CONFIG"):
        choose_strategy(2)


def memory_growth() -> list[bool]:
    """Of every GPU, one that is not there included, after the strategy was chosen."""
    gpu = context.PhysicalDevice(name="/physical_device:GPU:99", device_type="GPU")
    tf.config.list_physical_devices()
    context.context()._physical_devices.append(gpu)
    choose_strategy(1)
    gpus = tf.config.list_physical_devices("GPU")
    return [tf.config.experimental.get_memory_growth(each) for each in gpus]


def late_warnings() -> list[str]:
    """Of a strategy chosen when TensorFlow has its devices already."""
    gpu = context.PhysicalDevice(name="/physical_device:GPU:99", device_type="GPU")
    tf.zeros(1)
    context.context()._physical_devices.append(gpu)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        choose_strategy(1)
    return [str(warning.message) for warning in caught]


def test_a_gpu_in_use_already_is_a_warning() -> None:
    (message,) = in_new_process(late_warnings)
    assert "GPU:99 was in use before the strategy was chosen" in message


def test_gpus_take_memory_as_they_need_it() -> None:
    found = in_new_process(memory_growth)
    assert found
    assert all(found)
