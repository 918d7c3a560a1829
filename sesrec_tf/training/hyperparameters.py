"""A run as one row of TensorBoard's HParams table."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from tensorboard.plugins.hparams import api as hp
from tensorboard.plugins.hparams import api_pb2
from tensorboard.plugins.hparams import summary as hparams_summary

from sesrec_tf.config import Config
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.evaluation.ranking_metrics import METRICS

BEST = "validation_best"
"""Group of the tags that hold the validation metrics of the best epoch so far."""


def write_hyperparameters(config: Config, prepared: PreparedDataset) -> None:
    """Writes settings and the names of the metrics to the default summary writer."""
    settings = flat_settings(config, prepared)
    hp.hparams_config(
        hparams=[hp.HParam(name) for name in settings],
        metrics=[hp.Metric(f"{BEST}/{name}", display_name=name.upper()) for name in METRICS],
    )
    hp.hparams(settings)


def write_success() -> None:
    """Marks the run as finished in the default summary writer."""
    end = hparams_summary.session_end_pb(api_pb2.STATUS_SUCCESS)
    tf.summary.experimental.write_raw_pb(end.SerializeToString())


def flat_settings(config: Config, prepared: PreparedDataset) -> dict[str, Any]:
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
