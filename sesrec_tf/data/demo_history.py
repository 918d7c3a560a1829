"""The truth of the events in the histories of demo instances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sesrec_tf.data.demo_truth import DemoTruth
from sesrec_tf.errors import InputError
from sesrec_tf.schema import HistoryShape

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class HistoryTruth:
    """Truth aligned with the histories of records: left-aligned, oldest event first.

    Attributes:
        rec_mask, rec_similar: `[N, T_r]` whether there is a feed event, and whether it is similar.
        search_mask, search_similar: `[N, T_s]` likewise for searches.
    """

    rec_mask: BoolArray
    rec_similar: BoolArray
    search_mask: BoolArray
    search_similar: BoolArray


def history_truth(truth: DemoTruth, instances: npt.ArrayLike, shape: HistoryShape) -> HistoryTruth:
    """The truth of the histories of some instances.

    Args:
        truth: of the simulated logs.
        instances: `[N]`, the `instance` of each record: the row of its target interaction.
        shape: widths of the histories.

    Raises:
        InputError: if a row is not one of these logs.
    """
    rows = np.asarray(instances, np.int64)
    feed, searches = truth.interactions, truth.searches
    if rows.size and not 0 <= rows.min() <= rows.max() < len(feed):
        raise InputError(
            f"`instances` should be rows of the {len(feed)} simulated interactions. Received: "
            f"{rows.min()} to {rows.max()}. The records belong to another data set."
        )
    users = feed["user"].to_numpy(np.int64)[rows]
    steps = feed["step"].to_numpy(np.int64)[rows]
    stride = 1 + int(max(feed["step"].max(), searches["step"].max()))
    search_keys = searches["user"].to_numpy(np.int64) * stride + searches["step"].to_numpy()
    feed_keys = feed["user"].to_numpy(np.int64) * stride + feed["step"].to_numpy()
    rec_mask, rec_similar = _window(
        feed["similar"].to_numpy(bool),
        np.searchsorted(feed_keys, users * stride),
        rows,
        shape.rec_length,
    )
    search_mask, search_similar = _window(
        searches["similar"].to_numpy(bool),
        np.searchsorted(search_keys, users * stride),
        np.searchsorted(search_keys, users * stride + steps),
        shape.search_length,
    )
    return HistoryTruth(rec_mask, rec_similar, search_mask, search_similar)


def _window(
    values: BoolArray, starts: IntArray, ends: IntArray, width: int
) -> tuple[BoolArray, BoolArray]:
    """Mask and values `[N, width]` of the last `width` events of each stretch."""
    first = np.maximum(starts, ends - width)
    places = first[:, None] + np.arange(width)
    mask = places < ends[:, None]
    return mask, mask & np.append(values, False)[np.where(mask, places, len(values))]
