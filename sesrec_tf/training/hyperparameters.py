"""A run as one row of TensorBoard's HParams table."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset


def write_hyperparameters(config: Config, prepared: PreparedDataset) -> None:
    """Writes the settings to the default summary writer.

    The metrics of the table are the scalars of the same writer. No experiment summary is
    written: without one, TensorBoard derives the columns from all runs it finds, and puts the
    settings in which they differ first.
    """
    hp.hparams(flat_settings(config, prepared))


def write_success() -> None:
    """Marks the run as finished in the default summary writer."""
    end = hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS)
    tf.summary.experimental.write_raw_pb(end.SerializeToString())


def flat_settings(config: Config, prepared: PreparedDataset) -> dict[str, bool | int | float | str]:
    """Every setting as `section.name`, and the hash of the data, so that data sets stay apart."""
    settings = {
        f"{section}.{name}": _scalar(value)
        for section, values in config.to_dict().items()
        for name, value in values.items()
    }
    return {**settings, "data": str(prepared.info.get("content_hash"))[:12]}


def _scalar(value: Any) -> bool | int | float | str:
    """The plugin knows no lists and no `None`."""
    return value if isinstance(value, (bool, int, float, str)) else str(value)
