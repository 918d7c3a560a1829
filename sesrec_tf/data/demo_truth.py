"""What the demo world knows and a model must find out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.errors import InputError

TRUTH_DIRECTORY = "truth"

_TABLES = ("interactions", "searches", "items")
_INTENSITY_FILE = "topic_intensity.npy"


@dataclass(frozen=True)
class DemoTruth:
    """The truth behind simulated logs.

    An event is similar if its topic is one of its user's shared interests: those that occur in
    both the feed and the searches.

    Attributes:
        interactions: `row, user, step, similar, topic`; row n belongs to row n of the log table,
            `user` is a number, `step` the place among all events of that user.
        searches: likewise.
        items: `item_id, topic, weight`, the popularity of an item within its topic.
        topic_intensity: `[interactions, Z]` float32: the next item of row n was item `i` of topic
            `z` with probability `topic_intensity[n, z] * weight[i]`, if its user had not yet seen
            or clicked `i`.
    """

    interactions: pd.DataFrame
    searches: pd.DataFrame
    items: pd.DataFrame
    topic_intensity: npt.NDArray[np.float32]

    def write(self, directory: str | Path) -> None:
        """Writes `truth/` into an existing directory."""
        target = Path(directory) / TRUTH_DIRECTORY
        target.mkdir()
        for name in _TABLES:
            getattr(self, name).to_parquet(target / f"{name}.parquet", index=False)
        np.save(target / _INTENSITY_FILE, self.topic_intensity)

    @classmethod
    def read(cls, directory: str | Path) -> DemoTruth:
        """Reads the truth beside a prepared data set.

        Raises:
            InputError: if the data set is not a simulated one.
        """
        source = Path(directory) / TRUTH_DIRECTORY
        if not source.is_dir():
            raise InputError(
                f"{directory} holds no truth: expected a directory {TRUTH_DIRECTORY} in it. Only "
                "simulated data has one; make some with `python -m sesrec_tf.train`."
            )
        tables = {name: pd.read_parquet(source / f"{name}.parquet") for name in _TABLES}
        return cls(**tables, topic_intensity=np.load(source / _INTENSITY_FILE))
