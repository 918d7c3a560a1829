"""The strategy over a worker's devices, and what they are."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from benchmarks.speed.device_list import DeviceList
from sesrec_tf.errors import InputError
from sesrec_tf.training.strategy import choose_strategy


def strategy_over(devices: DeviceList) -> tf.distribute.Strategy:
    """The strategy of `choose_strategy`, with the other GPUs out of sight.

    Raises:
        InputError: if there is no such GPU.
    """
    if devices.kind is None:
        return choose_strategy()
    gpus = tf.config.list_physical_devices("GPU")
    if devices.kind == "CPU":
        tf.config.set_visible_devices([], "GPU")
        return choose_strategy(len(devices.numbers))
    missing = [number for number in devices.numbers if number >= len(gpus)]
    if missing:
        raise InputError(
            f"`--devices` names GPU:{missing[0]}, but TensorFlow sees {len(gpus)} GPUs."
        )
    tf.config.set_visible_devices([gpus[number] for number in devices.numbers], "GPU")
    return choose_strategy()


def device_facts() -> dict[str, Any]:
    """Versions, and the devices in use by name, once the strategy is chosen."""
    in_use = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
    gpus = tf.config.get_visible_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    return {
        "versions": {"tensorflow": tf.__version__, "keras": keras.__version__},
        "devices": [device.name.removeprefix("/device:") for device in in_use],
        "gpus": [found.get("device_name", "unknown") for found in details],
    }
