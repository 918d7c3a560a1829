from __future__ import annotations

from rich.console import Console
from rich.table import Table

from sesrec_tf.evaluation.ranking_metrics import METRICS
from sesrec_tf.evaluation.retrieval_recall import CUTOFFS
from sesrec_tf.evaluation.retrieval_report import recall_table, stages_table
from sesrec_tf.evaluation.retrieval_stages import StageComparison


def text(table: Table) -> str:
    console = Console(width=140)
    with console.capture() as capture:
        console.print(table)
    return capture.get()


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_a_row_for_every_split_and_system() -> None:
    row = {f"recall@{k}": k / 1000 for k in CUTOFFS}
    found = text(recall_table({"valid": {"head": row}, "test": {"popularity": row}}, 12345))
    assert "recall among all 12,345 items" in found
    lines = [cells(line) for line in found.splitlines() if "│" in line]
    assert lines == [
        ["valid", "head", "0.0500", "0.1000", "0.5000"],
        ["test", "popularity", "0.0500", "0.1000", "0.5000"],
    ]


def compared(instances: int) -> StageComparison:
    rows = (dict.fromkeys(METRICS, value) for value in (0.1, 0.2, 0.3))
    return StageComparison(instances, 0.75, *rows, two_stages_seconds=1.26, whole_seconds=40.0)


def test_three_rankings_and_how_many_instances() -> None:
    found = text(stages_table(compared(1000), 8561, 500))
    assert "test, 1,000 of 8,561 instances" in found
    assert "among the 500 retrieved: 0.7500" in found
    lines = [cells(line) for line in found.splitlines() if "│" in line]
    assert lines == [
        ["500 retrieved items", "the head", "0.1000", "0.1000", "0.1000", ""],
        ["500 retrieved items", "the model", "0.2000", "0.2000", "0.2000", "1.3"],
        ["the whole catalogue", "the model", "0.3000", "0.3000", "0.3000", "40.0"],
    ]
    assert "test, all instances" in text(stages_table(compared(8561), 8561, 500))
