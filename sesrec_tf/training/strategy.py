"""Where a run computes: one device, all GPUs, several logical CPUs, or several workers."""

from __future__ import annotations

import os

import tensorflow as tf

from sesrec_tf.errors import InputError


def choose_strategy(replicas: int | None = None) -> tf.distribute.Strategy:
    """The strategy for the visible devices, with GPU memory growth on.

    Args:
        replicas: logical CPU devices to mirror over, for machines without GPUs; `None` mirrors
            over all visible GPUs, or uses the one device there is.

    Returns:
        `MultiWorkerMirroredStrategy` under `TF_CONFIG`, `MirroredStrategy` over several devices,
        else the default strategy.

    Raises:
        InputError: if `replicas` is not positive, or devices were initialised before and do not
            fit it.
    """
    if replicas is not None and replicas < 1:
        raise InputError(f"`--replicas` should be a positive integer. Received: {replicas}.")
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if os.environ.get("TF_CONFIG"):
        return tf.distribute.MultiWorkerMirroredStrategy()
    if replicas is not None and replicas > 1:
        return tf.distribute.MirroredStrategy(_logical_cpus(replicas))
    if gpus and replicas is None:
        return tf.distribute.MirroredStrategy()
    return tf.distribute.get_strategy()


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process writes the run's files."""
    resolver = strategy.cluster_resolver
    if resolver is None or resolver.task_type is None:
        return True
    return resolver.task_type == "chief" or (
        resolver.task_type == "worker" and resolver.task_id == 0
    )


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
