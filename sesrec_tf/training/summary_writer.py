"""Event files that a resumed run can go on writing."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import tensorflow as tf


def open_writer(directory: Path, first_step: int) -> Any:
    """A summary writer that begins with a session start.

    At a session start TensorBoard forgets every point of the directory at or beyond its step, so
    that what a killed process wrote after its last checkpoint does not appear twice.

    Args:
        directory: of the event files.
        first_step: the first step about to be written.

    Returns:
        A `tf.summary.SummaryWriter`.
    """
    start = tf.compat.v1.SessionLog(status=tf.compat.v1.SessionLog.START)
    # Event files are read in the order of their names, which hold the time in seconds, the host
    # and this suffix; "0" puts the start before the process's own file, whose suffix is its id.
    suffix = f".0.{os.getpid()}.start"
    with tf.Graph().as_default():
        writer = tf.compat.v1.summary.FileWriter(str(directory), filename_suffix=suffix)
        writer.add_session_log(start, global_step=first_step)
        writer.close()
    return tf.summary.create_file_writer(str(directory))
