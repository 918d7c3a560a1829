from __future__ import annotations

import dataclasses
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from pipelines.stats_plots import dissimilar_searches, history_lengths, sources, write_plots
from pipelines.stats_tables import sources_table
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.search_origins import SearchOrigins
from sesrec_tf.data.statistics import DatasetStatistics
from sesrec_tf.data.statistics_options import StatisticsOptions


@pytest.fixture(scope="module")
def statistics(tiny_data: PreparedDataset) -> DatasetStatistics:
    return DatasetStatistics.of(tiny_data, StatisticsOptions())


def test_every_axis_is_labelled(statistics: DatasetStatistics) -> None:
    for draw in (history_lengths, dissimilar_searches, sources):
        figure = draw(statistics)
        assert figure.get_suptitle()
        assert all(axes.get_xlabel() for axes in figure.axes)


def test_lines_are_the_numbers(statistics: DatasetStatistics) -> None:
    axes = dissimilar_searches(statistics).axes[1]
    line = next(line for line in axes.lines if line.get_label().startswith("category_1"))
    earlier = statistics.events.searches.earlier_interactions
    rows = statistics.dissimilar["category_1"].by_history(earlier)
    assert line.get_ydata().tolist() == [row["all"] for row in rows]
    labels = {text.get_text() for text in axes.get_xticklabels()}
    assert {f"{row['from']}-{row['to']}" for row in rows if row["from"] > 1} <= labels


def test_many_sources_with_odd_names(statistics: DatasetStatistics, tmp_path: Path) -> None:
    names = ("", "$x^$", "[bold]", "a" * 99, *(f"s{n}" for n in range(40)))
    origins = SearchOrigins(names, np.ones(len(names), np.int64), np.arange(len(names)))
    odd = dataclasses.replace(statistics, origins=origins)
    assert "sources.png" in write_plots(odd, tmp_path)
    labels = [text.get_text() for text in sources(odd).axes[0].get_yticklabels()]
    assert labels[:3] == ["(no source)", "$x^$", "[bold]"]
    assert labels[-1] == "29 others"
    console = Console(file=StringIO(), width=200)
    console.print(
        sources_table({"sources": origins.source_summary(), "origins": origins.summary()})
    )
    assert "[bold]" in console.file.getvalue()
