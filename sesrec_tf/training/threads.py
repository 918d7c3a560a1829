"""How a CPU's cores are divided among the operations of a step."""

from __future__ import annotations

import os

import tensorflow as tf

from sesrec_tf.usable_cores import usable_cores


def divide_cores() -> None:
    """Half of the cores for each operation, and as many operations at once as there are cores.

    The operations of a step are small, and many do not wait for each other: on few cores they gain
    more from running side by side than from being cut into pieces. Measured on two cores only.

    To be called before TensorFlow computes anything, otherwise without effect. What the user chose
    stays: TensorFlow's variables `TF_NUM_INTRAOP_THREADS` and `TF_NUM_INTEROP_THREADS`, or its
    `tf.config.threading`.
    """
    cores = usable_cores()
    threading = tf.config.threading
    chosen = (
        "TF_NUM_INTRAOP_THREADS" in os.environ
        or "TF_NUM_INTEROP_THREADS" in os.environ
        or threading.get_intra_op_parallelism_threads()
        or threading.get_inter_op_parallelism_threads()
    )
    if chosen:
        return
    try:
        threading.set_intra_op_parallelism_threads(max(1, cores // 2))
        threading.set_inter_op_parallelism_threads(cores)
    except RuntimeError:
        return
