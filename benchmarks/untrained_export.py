"""A servable with histories of a chosen length; time does not see its weights."""

from __future__ import annotations

from pathlib import Path

from sesrec_tf.config import Config
from sesrec_tf.data.demo_preparation import prepare_demo
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.models.registry import create_model
from sesrec_tf.servable.servable import Servable
from sesrec_tf.servable.versions import publish_version
from sesrec_tf.servable.warmup import write_warmup


def demo_data(directory: Path, length: int) -> PreparedDataset:
    """The demo world prepared with `T_r = T_s = length`."""
    options = PrepareOptions(min_earlier_searches=1, max_rec=length, max_searches=length)
    return prepare_demo(directory, options=options)


def export_untrained(data: PreparedDataset, base: Path) -> Path:
    """Publishes a model of the default size with the widths of the data; returns the version."""
    config = Config(data.history)
    model = create_model(config, data)
    servable = Servable(model, data, config.history)

    def write(path: Path) -> None:
        servable.write(path)
        write_warmup(path, servable.signatures, data, servable.history)

    return publish_version(base, write)
