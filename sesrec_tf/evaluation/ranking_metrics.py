"""Ranking metrics of one positive among sampled negatives, exact under ties."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from sesrec_tf.errors import InputError

METRICS = ("ndcg@5", "ndcg@10", "hit@1", "hit@5", "hit@10", "mrr")
"""Names of the metrics, in the order of every report."""

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class RankingMetrics:
    """NDCG@5, NDCG@10, HIT@1, HIT@5, HIT@10 and MRR of a positive in column 0.

    With `g` negatives scored strictly above the positive and `t` scored equal, the positive's
    rank is uniform on `g + 1 .. g + t + 1` when ties are broken at random. The metrics are
    expectations under that order:

        E[HIT@k]  = clip((k - g) / (t + 1), 0, 1)
        E[NDCG@k] = sum of 1 / log2(r + 1) for r = g + 1 .. min(g + t + 1, k), over t + 1
        E[RR]     = (H(g + t + 1) - H(g)) / (t + 1), H the harmonic numbers

    so a constant scorer gets the values of a random one. MRR has no cutoff.

    Args:
        pessimistic: rank the positive behind every equal negative (rank `g + t + 1`) instead.

    Example:
        >>> RankingMetrics().calc(np.array([[3.0, 1.0, 2.0], [1.0, 3.0, 2.0]]))["mrr"]
        0.6666666666666666
    """

    def __init__(self, pessimistic: bool = False) -> None:
        self.pessimistic = pessimistic

    def calc_per_instance(self, logits: npt.ArrayLike) -> pd.DataFrame:
        """Metrics of every instance.

        Args:
            logits: `[N, K]` finite scores before any sigmoid, the positive in column 0.

        Returns:
            `N` rows with int64 `above` (g) and `ties` (t), float64 `rank` (its expectation),
            and the six float64 metrics.

        Raises:
            InputError: for logits that are not `[N, K]` numbers, or not finite.
        """
        above, ties = count_above_and_ties(logits)
        if self.pessimistic:
            first, spread = above + ties, np.zeros_like(ties)
        else:
            first, spread = above, ties
        columns: dict[str, IntArray | FloatArray] = {"above": above, "ties": ties}
        columns["rank"] = first + 1 + spread / 2
        for name in METRICS:
            kind, _, cutoff = name.partition("@")
            columns[name] = _expected_gain(kind, int(cutoff or 0), first, spread)
        return pd.DataFrame(columns)

    def calc(self, logits: npt.ArrayLike) -> dict[str, float]:
        """Means over instances, keyed by `METRICS`.

        Args:
            logits: as for `calc_per_instance`, `N` at least 1.

        Raises:
            InputError: as `calc_per_instance`, or if there is no instance.
        """
        return mean_metrics(self.calc_per_instance(logits))


def mean_metrics(per_instance: pd.DataFrame) -> dict[str, float]:
    """Means of the metric columns of `RankingMetrics.calc_per_instance`.

    Raises:
        InputError: if there is no instance.
    """
    if per_instance.empty:
        raise InputError("no instance to average metrics over: expected at least 1, received 0.")
    return {name: float(per_instance[name].to_numpy(np.float64).mean()) for name in METRICS}


def count_above_and_ties(logits: npt.ArrayLike) -> tuple[IntArray, IntArray]:
    """Negatives scored strictly above the positive (`g [N]`) and equal to it (`t [N]`).

    Raises:
        InputError: for logits that are not `[N, K]` numbers, or not finite.
    """
    values = np.asarray(logits)
    if values.ndim != 2 or values.shape[1] < 1 or values.dtype.kind not in "fiu":
        raise InputError(
            "`logits` should be numbers of shape [instances, candidates], the positive in column "
            f"0. Received: shape {list(values.shape)}, dtype {values.dtype}."
        )
    if values.dtype.kind == "f":
        _require_finite(values)
    positive, negatives = values[:, :1], values[:, 1:]
    above = np.count_nonzero(negatives > positive, axis=1).astype(np.int64)
    ties = np.count_nonzero(negatives == positive, axis=1).astype(np.int64)
    return above, ties


def _require_finite(values: npt.NDArray[np.floating]) -> None:
    finite = np.isfinite(values)
    if finite.all():
        return
    row, column = np.argwhere(~finite)[0]
    raise InputError(
        f"`logits` should be finite. Received: {int((~finite).sum())} of {values.size} values that "
        f"are not, the first at instance {row}, candidate {column} ({values[row, column]}). "
        "The model that gave them has diverged: train a new run with a lower --learning-rate."
    )


def _expected_gain(kind: str, cutoff: int, above: IntArray, ties: IntArray) -> FloatArray:
    """Mean gain of ranks `above + 1 .. above + ties + 1`, as a difference of prefix sums."""
    last = above + ties + 1
    ranks = np.arange(1, int(last.max(initial=1)) + 1, dtype=np.float64)
    if kind == "mrr":
        gains = 1 / ranks
    else:
        gains = np.ones_like(ranks) if kind == "hit" else 1 / np.log2(ranks + 1)
        gains[ranks > cutoff] = 0.0
    prefix = np.concatenate([[0.0], np.cumsum(gains)])
    # A single rank takes its gain itself: a difference of prefix sums would round it.
    return np.where(ties == 0, gains[above], (prefix[last] - prefix[above]) / (ties + 1))
