"""Whether co-attention finds the similar events of a history."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sesrec_tf.errors import InputError


def interest_auc(weights: npt.ArrayLike, mask: npt.ArrayLike, similar: npt.ArrayLike) -> float:
    """AUC of co-attention weights (10) for "similar", over all events of one side.

    The probability that a similar event weighs more than a dissimilar one, ties counting half;
    0.5 is chance. A weight is multiplied by the length `n` of its history first, so that 1 is
    its mean there and histories of different lengths compare.

    Args:
        weights: `[N, T]` co-attention weights, summing to 1 over the valid events of a history.
        mask: `[N, T]` True at valid events.
        similar: `[N, T]` True at similar events.

    Raises:
        InputError: for shapes that differ, weights that are not finite, or without both a similar
            and a dissimilar event.
    """
    valid, truth = np.asarray(mask, bool), np.asarray(similar, bool)
    values = np.asarray(weights, np.float64)
    if not values.shape == valid.shape == truth.shape or values.ndim != 2:
        raise InputError(
            "`weights`, `mask` and `similar` should have one shape [instances, events]. Received: "
            f"{list(values.shape)}, {list(valid.shape)} and {list(truth.shape)}."
        )
    scaled = (values * valid.sum(axis=1, keepdims=True))[valid]
    if not np.isfinite(scaled).all():
        raise InputError("`weights` should be finite at valid events. Received: NaN or infinity.")
    return _auc(scaled, truth[valid])


def _auc(scores: npt.NDArray[np.float64], positive: npt.NDArray[np.bool_]) -> float:
    """Mann-Whitney statistic from mid-ranks."""
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if not positives or not negatives:
        raise InputError(
            "AUC needs a similar and a dissimilar event. Received: "
            f"{positives} similar and {negatives} dissimilar ones."
        )
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mid_ranks = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mid_ranks[group.reshape(-1)][positive].sum())
    return (rank_sum - positives * (positives + 1) / 2) / (positives * negatives)
