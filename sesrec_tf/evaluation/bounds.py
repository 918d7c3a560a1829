"""Arithmetic that every report of ranking metrics must obey."""

from __future__ import annotations

import math
from collections.abc import Mapping

TOLERANCE = 1e-9


class MetricBoundsError(ArithmeticError):
    """Metrics that no set of ranks can have produced: the report is wrong, not the model."""


def check_bounds(
    metrics: Mapping[str, float], candidates: int = 100, tolerance: float = TOLERANCE
) -> None:
    """Checks the inequalities that hold for any average of functions of one rank.

    They hold for means over instances and over seeds, and for expectations under ties:

        0 <= HIT@1 <= HIT@5 <= HIT@10 <= 1
        (H5 - H1) / log2(6)   <= N5 - H1  <= (H5 - H1) / log2(3)
        (H10 - H5) / log2(11) <= N10 - N5 <= (H10 - H5) / log2(7)
        H1 + (H5 - H1) / 5 + (H10 - H5) / 10 + (1 - H10) / K <= MRR
        MRR <= H1 + (H5 - H1) / 2 + (H10 - H5) / 6 + (1 - H10) / 11

    Args:
        metrics: means keyed by `ranking_metrics.METRICS`.
        candidates: `K`, the length of a candidate list.
        tolerance: absolute slack; raise it for published values that were rounded.

    Raises:
        MetricBoundsError: naming every violated inequality with its numbers.
    """
    broken = [
        f"{name}: {lower:.6f} <= {upper:.6f} is false"
        for name, lower, upper in _inequalities(metrics, candidates)
        if not lower <= upper + tolerance
    ]
    if broken:
        raise MetricBoundsError(
            f"impossible metrics {dict(metrics)} for {candidates} candidates; violated: "
            + "; ".join(broken)
        )


def _inequalities(metrics: Mapping[str, float], candidates: int) -> list[tuple[str, float, float]]:
    hit_1, hit_5, hit_10 = (metrics[f"hit@{k}"] for k in (1, 5, 10))
    ndcg_5, ndcg_10, mrr = metrics["ndcg@5"], metrics["ndcg@10"], metrics["mrr"]
    two_to_five, six_to_ten, beyond = hit_5 - hit_1, hit_10 - hit_5, 1 - hit_10
    low_mrr = hit_1 + two_to_five / 5 + six_to_ten / 10 + beyond / candidates
    high_mrr = hit_1 + two_to_five / 2 + six_to_ten / 6 + beyond / 11
    return [
        ("0 <= HIT@1", 0.0, hit_1),
        ("HIT@1 <= HIT@5", hit_1, hit_5),
        ("HIT@5 <= HIT@10", hit_5, hit_10),
        ("HIT@10 <= 1", hit_10, 1.0),
        ("(H5 - H1) / log2(6) <= N5 - H1", two_to_five / math.log2(6), ndcg_5 - hit_1),
        ("N5 - H1 <= (H5 - H1) / log2(3)", ndcg_5 - hit_1, two_to_five / math.log2(3)),
        ("(H10 - H5) / log2(11) <= N10 - N5", six_to_ten / math.log2(11), ndcg_10 - ndcg_5),
        ("N10 - N5 <= (H10 - H5) / log2(7)", ndcg_10 - ndcg_5, six_to_ten / math.log2(7)),
        ("H1 + (H5 - H1)/5 + (H10 - H5)/10 + (1 - H10)/K <= MRR", low_mrr, mrr),
        ("MRR <= H1 + (H5 - H1)/2 + (H10 - H5)/6 + (1 - H10)/11", mrr, high_mrr),
    ]
