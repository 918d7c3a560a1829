"""The metrics table shows every number once and refuses impossible ones."""

import io

import pytest
from rich.console import Console

from sesrec_tf.evaluation.bounds import MetricBoundsError
from sesrec_tf.evaluation.ranking_metrics import METRICS, RankingMetrics
from sesrec_tf.evaluation.report import metrics_table


def rendered(table) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    console.print(table)
    return console.file.getvalue()


def test_rows_and_columns():
    systems = {
        "popularity": RankingMetrics().calc([[0.0] * 100]),
        "SESRec": RankingMetrics().calc([[1.0] + [0.0] * 99]),
    }
    text = rendered(metrics_table(systems, "test split"))
    assert "test split" in text
    assert all(name.upper() in text for name in METRICS)
    lines = text.splitlines()
    popularity = next(line for line in lines if "popularity" in line)
    assert "0.0100" in popularity
    assert "0.0519" in popularity
    assert next(line for line in lines if "SESRec" in line).count("1.0000") == 6


def test_unknown_positives_are_told_if_there_are_any():
    systems = {"popularity": RankingMetrics().calc([[0.0] * 100])}
    assert "unknown" not in rendered(metrics_table(systems, "test split"))
    lines = rendered(metrics_table(systems, "test split", unknown_positives=1234)).splitlines()
    assert lines[-1].strip() == "positives unknown to training: 1,234"


def test_an_impossible_row_is_refused():
    wrong = RankingMetrics().calc([[0.0] * 100]) | {"mrr": 0.9}
    with pytest.raises(MetricBoundsError, match="MRR <= H1"):
        metrics_table({"wrong": wrong}, "test split")
