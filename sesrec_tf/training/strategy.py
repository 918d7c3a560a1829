"""Where a run computes: one device, all GPUs, several logical CPUs, or several workers."""

from __future__ import annotations

import json
import os
import warnings
from typing import Any

import tensorflow as tf

from sesrec_tf.errors import InputError
from sesrec_tf.training.threads import divide_cores


def choose_strategy(replicas: int | None = None) -> tf.distribute.Strategy:
    """The strategy for the visible devices, with GPU memory growth on, or the CPU's cores divided.

    Args:
        replicas: logical CPU devices to mirror over, for machines without GPUs; `None` mirrors
            over all visible GPUs, or uses the one device there is.

    Returns:
        `MultiWorkerMirroredStrategy` under `TF_CONFIG`, `MirroredStrategy` over several devices,
        else the default strategy.

    Raises:
        InputError: if `replicas` is not positive or given beside `TF_CONFIG`, `TF_CONFIG` names
            no task of a cluster, or devices were initialised before and do not fit.
    """
    if replicas is not None and replicas < 1:
        raise InputError(f"`--replicas` should be a positive integer. Received: {replicas}.")
    cluster = os.environ.get("TF_CONFIG")
    if cluster:
        _require_task(cluster)
        if replicas is not None:
            raise InputError(
                "`--replicas` mirrors within one process, but TF_CONFIG asks for several. "
                f"Expected one of them. Received: --replicas {replicas}. Leave it out, or unset "
                "TF_CONFIG."
            )
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        _grow_memory(gpu)
    if not gpus:
        divide_cores()
    if cluster:
        return tf.distribute.MultiWorkerMirroredStrategy()
    if replicas is not None and replicas > 1:
        return tf.distribute.MirroredStrategy(_logical_cpus(replicas))
    if gpus and replicas is None:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def _grow_memory(gpu: tf.config.PhysicalDevice) -> None:
    try:
        tf.config.experimental.set_memory_growth(gpu, True)
    except RuntimeError:
        warnings.warn(
            f"{gpu.name} was in use before the strategy was chosen: TensorFlow has taken its whole "
            "memory. Choose the strategy before any other TensorFlow call.",
            stacklevel=3,
        )


def distributed(batches: tf.data.Dataset, strategy: tf.distribute.Strategy) -> Any:
    """Global batches as the strategy's replicas take them."""
    options = tf.data.Options()
    # Every worker reads every record and takes its share of each global batch.
    options.experimental_distribute.auto_shard_policy = tf.data.experimental.AutoShardPolicy.DATA
    return strategy.experimental_distribute_dataset(batches.with_options(options))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run's files: the task `chief`, or else worker 0."""
    resolver = strategy.cluster_resolver
    if resolver is None or resolver.task_type is None:
        return True
    if "chief" in resolver.cluster_spec().jobs:
        return resolver.task_type == "chief"
    return resolver.task_type == "worker" and resolver.task_id == 0


def _require_task(cluster: str) -> None:
    """Raises an InputError unless `TF_CONFIG` gives a cluster and this process's task in it."""
    try:
        tasks, task = _parse_cluster(cluster)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise InputError(
            'TF_CONFIG should be JSON such as {"cluster": {"worker": ["host1:2222", '
            '"host2:2222"]}, "task": {"type": "worker", "index": 0}}. Received: '
            f"{cluster} ({type(error).__name__}: {error}). Correct it, or unset it to train in "
            "one process."
        ) from error
    if task not in tasks:
        raise InputError(
            f"the task of TF_CONFIG should be one of its cluster's, {sorted(tasks)}. Received: "
            f"{task}. Correct it, or unset TF_CONFIG to train in one process."
        )


def _parse_cluster(cluster: str) -> tuple[set[tuple[str, int]], tuple[str, int]]:
    """Every task that trains, and the one of this process."""
    values: dict[str, Any] = json.loads(cluster)
    task = values["task"]
    tasks = {
        (kind, index)
        for kind in ("chief", "worker")
        for index in range(len(values["cluster"].get(kind, [])))
    }
    return tasks, (str(task["type"]), int(task["index"]))


def _logical_cpus(number: int) -> list[str]:
    cpu = tf.config.list_physical_devices("CPU")[0]
    wanted = [tf.config.LogicalDeviceConfiguration()] * number
    try:
        if len(tf.config.get_logical_device_configuration(cpu) or []) != number:
            tf.config.set_logical_device_configuration(cpu, wanted)
    except RuntimeError as error:
        raise InputError(
            f"{number} replicas need {number} logical CPU devices, but TensorFlow has already "
            "initialised its devices. Choose the strategy before any other TensorFlow call."
        ) from error
    return [f"CPU:{index}" for index in range(number)]
