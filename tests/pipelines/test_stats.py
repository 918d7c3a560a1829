from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.image import imread

from pipelines.stats import STATS_FILE, main, parser
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.statistics import DatasetStatistics
from sesrec_tf.data.statistics_options import StatisticsOptions
from sesrec_tf.errors import InputError

DAY = 86_400

FEED = [
    *(("u1", "a", 0), ("u1", "b", 1 * DAY), ("u1", "a", 2 * DAY), ("u1", "c", 9 * DAY)),
    *(("u1", "b", 20 * DAY), ("u2", "a", 0), ("u2", "c", 1 * DAY), ("u2", "b", 2 * DAY)),
    *(("u2", "e", 3 * DAY), ("u2", "a", 4 * DAY), ("u3", "f", 0), ("u3", "g", 1)),
    *(("u3", "h", 2), ("u3", "f", 3)),
]
SEARCHES = [
    ("u1", "s1", "red", "typed", "a", 8 * DAY),
    ("u1", "s2", "red shoe", "USER_INPUT", "b c", 9 * DAY),
    ("u1", "s3", "red", "guess", "a c", 9 * DAY + 1),
    ("u1", "s4", "hat", "", "b", 30 * DAY),
    ("u1", "s5", "hat", "guess", "", 30 * DAY),
    ("u1", "s6", "hat", "guess", "e", 30 * DAY),
]
CATEGORIES = {"a": "x", "b": "y", "c": "z", "e": "x"}


def log_tables(categories: dict[str, str] = CATEGORIES) -> LogTables:
    items = pd.DataFrame({"item_id": list(categories), "category": list(categories.values())})
    columns = ["user_id", "session_id", "query", "source", "clicked_item_ids", "timestamp"]
    return LogTables(
        pd.DataFrame(FEED, columns=["user_id", "item_id", "timestamp"]),
        pd.DataFrame(SEARCHES, columns=columns),
        items if categories else None,
    )


def prepared(output: Path, tables: LogTables, **options: Any) -> PreparedDataset:
    rules = {"min_earlier_searches": 0, "num_negatives": 1, "max_rec": 2, **options}
    return prepare(tables, PrepareOptions(**rules), output)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stats") / "data"
    return prepared(path, log_tables()).path


@pytest.fixture(scope="module")
def stats(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    output = tmp_path_factory.mktemp("stats") / "report"
    main(["--data", str(data), "--output", str(output)])
    return json.loads((output / STATS_FILE).read_text())


def test_counts_and_density(stats: dict[str, Any]) -> None:
    # Items a b c e f g h; texts "red", "red shoe", "hat".
    assert stats["table_1"] == {
        "users": 3,
        "items": 7,
        "queries": 3,
        "search_actions": 6,
        "recommendation_actions": 14,
    }
    # u1 meets a b c, u2 a b c e, u3 f g h: 10 of 3 · 7 pairs.
    assert stats["distinct_pairs"] == 10
    assert stats["density"] == pytest.approx(10 / 21)


def test_history_lengths(stats: dict[str, Any]) -> None:
    # Every interaction but a user's first is an instance, the last tests, the one before validates.
    # train: u1 1 2, u2 1 2, u3 1 earlier interactions; valid 3 3 2; test 4 4 3.
    history = stats["history"]
    assert [history[split]["instances"] for split in history] == [5, 3, 3]
    train = history["train"]["interactions"]
    assert train["mean"] == pytest.approx(7 / 5)
    assert [train["quantiles"][q] for q in ("0", "0.5", "0.75", "1")] == [1, 1, 2, 2]
    # Records keep two interactions: none of train is longer, two of valid, all of test.
    assert [history[split]["interactions"]["cut"] for split in history] == [0, 2 / 3, 1]
    # Before u1's validation (9 d) only s1, before its test (20 d) s1 s2 s3: 1 0 0 and 3 0 0.
    assert history["valid"]["searches"]["mean"] == pytest.approx(1 / 3)
    assert history["test"]["searches"]["mean"] == pytest.approx(1)
    assert history["test"]["searches"]["quantiles"]["0.75"] == 3


def test_popularity(stats: dict[str, Any]) -> None:
    # Feed: a 4, b 3, c 2, f 2, e g h 1. Clicks: a b c 2, e 1. A tenth is one item on both sides.
    feed, clicks = stats["popularity"]["interactions"], stats["popularity"]["clicks"]
    assert (feed["items"], feed["once"]) == (7, 3)
    assert feed["top_share"]["0.1"] == pytest.approx(4 / 14)
    assert (clicks["items"], clicks["once"]) == (4, 1)
    assert clicks["top_share"]["0.1"] == pytest.approx(2 / 7)


def test_sources_and_origins(stats: dict[str, Any]) -> None:
    assert stats["sources"] == [
        {"source": "guess", "origin": "suggested", "searches": 3, "share": 3 / 6},
        {"source": "", "origin": "unknown", "searches": 1, "share": 1 / 6},
        {"source": "USER_INPUT", "origin": "typed", "searches": 1, "share": 1 / 6},
        {"source": "typed", "origin": "typed", "searches": 1, "share": 1 / 6},
    ]
    shares = {name: row["share"] for name, row in stats["origins"].items()}
    assert shares == {"typed": 2 / 6, "suggested": 3 / 6, "unknown": 1 / 6}


def test_dissimilar_searches(stats: dict[str, Any]) -> None:
    # s1 (a: x), feed of [1 d, 8 d) is b a: similar. s2 (b c: y z), [2 d, 9 d) is a: neither; the
    # c of the very same instant is not before. s3 (a c: x z), from 2 d + 1 s the feed is c: one of
    # two. s4 (b), nothing since 23 d: dissimilar. s5 has no click; e is unknown to training, so
    # s6 cannot be judged.
    dissimilar = stats["dissimilar"]
    assert (dissimilar["left_out"], dissimilar["window_days"]) == (None, 7)
    level = dissimilar["categories"]["category_1"]
    assert level["searches"] == {
        "judged": 4,
        "without_feed": 1,
        "any": {"share": 2 / 4, "share_with_feed": 1 / 3},
        "all": {"share": 3 / 4, "share_with_feed": 2 / 3},
    }
    assert level["typed"]["any"]["share"] == 1 / 2
    assert (level["suggested"]["any"]["share"], level["suggested"]["all"]["share"]) == (0, 1)
    # Earlier interactions: s1 3, s2 and s3 4, s4 5.
    assert level["by_earlier_interactions"] == [
        {"from": 2, "to": 3, "judged": 1, "any": 0, "all": 0},
        {"from": 4, "to": 7, "judged": 3, "any": 2 / 3, "all": 1},
    ]


def test_a_longer_window(data: Path) -> None:
    # In 30 days u1 met x and y before every search, but z of s2 only at its own instant.
    options = StatisticsOptions(window_days=30)
    summary = DatasetStatistics.of(PreparedDataset(data), options).summary()
    level = summary["dissimilar"]["categories"]["category_1"]["searches"]
    assert (level["any"]["share"], level["all"]["share"]) == (0, 1 / 4)


def test_typed_sources_are_an_option(data: Path) -> None:
    options = StatisticsOptions(typed=("guess",))
    summary = DatasetStatistics.of(PreparedDataset(data), options).summary()
    assert {name: row["searches"] for name, row in summary["origins"].items()} == {
        "typed": 3,
        "suggested": 2,
        "unknown": 1,
    }


def test_prints_tables_and_writes_plots(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        main(["--data", str(data)])
    printed = capsys.readouterr().out
    assert all(name in printed for name in ("recommendation actions", "USER_INPUT", "category_1"))
    output = data / "stats"
    plots = json.loads((output / STATS_FILE).read_text())["plots"]
    assert sorted(path.name for path in output.iterdir()) == sorted([STATS_FILE, *plots])
    assert len(plots) == 4
    for name in plots:
        pixels = imread(output / name)[..., :3]
        assert min(pixels.shape[:2]) > 300
        assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 10
    assert not [path for path in data.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    ("categories", "unit", "reason"),
    [(CATEGORIES, "order", "time unit `order`"), ({}, "s", "no attribute `category`")],
)
def test_says_why_dissimilar_searches_are_left_out(
    categories: dict[str, str],
    unit: str,
    reason: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    prepared(tmp_path / "data", log_tables(categories), time_unit=unit)
    main(["--data", str(tmp_path / "data")])
    assert reason in " ".join(capsys.readouterr().out.split())
    stats = json.loads((tmp_path / "data" / "stats" / STATS_FILE).read_text())
    assert reason in stats["dissimilar"]["left_out"]
    assert stats["dissimilar"]["categories"] == {}
    assert "dissimilar_searches.png" not in stats["plots"]


def test_says_that_no_search_has_a_source_or_a_typed_one(tmp_path: Path) -> None:
    tables = log_tables()
    for number, (source, told) in enumerate({"": "no search has", "guess": "--typed"}.items()):
        searches = tables.searches.assign(source=source)
        dataset = prepared(tmp_path / str(number), LogTables(tables.interactions, searches))
        notes = DatasetStatistics.of(dataset, StatisticsOptions()).notes
        assert told in " ".join(notes)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--typed", "user_input"], "is no source of these searches.*USER_INPUT, guess, typed"),
        (["--category", "brand"], "is no item attribute.*category_1"),
        (["--window-days", "0"], "should be a positive whole number"),
        (["--output", "."], "exists already"),
        (["--output", ".", "--overwrite"], "not an earlier output"),
    ],
)
def test_bad_flags_give_one_clear_error(
    data: Path, flags: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        main(["--data", str(data), "--output", "new", *flags])
    assert list(tmp_path.iterdir()) == []


def test_no_data_set_is_refused_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pipelines.stats", "--data", str(tmp_path)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert result.stderr.count("\n") == 1


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--help"])
    assert "python -m pipelines.stats --data data/shop" in capsys.readouterr().out
    assert [action.dest for action in parser()._actions if not action.help] == []


@settings(deadline=None, max_examples=20)
@given(window=st.integers(1, 60), order=st.permutations(SEARCHES))
def test_shares_are_fractions_whatever_the_order_of_the_rows(
    window: int, order: list[tuple[Any, ...]], data: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    tables = log_tables()
    searches = pd.DataFrame(order, columns=tables.searches.columns)
    output = tmp_path_factory.mktemp("order") / "data"
    shuffled = prepared(output, LogTables(tables.interactions, searches, tables.items))
    options = StatisticsOptions(window_days=window)
    found, expected = (
        DatasetStatistics.of(dataset, options).summary()
        for dataset in (shuffled, PreparedDataset(data))
    )
    # Rows of one instant keep the order of the file, so the hash of the content may differ.
    assert {**found, "content_hash": ""} == {**expected, "content_hash": ""}
    level = found["dissimilar"]["categories"]["category_1"]["searches"]
    assert 0 <= level["any"]["share"] <= level["all"]["share"] <= 1
    assert sum(row["share"] for row in found["origins"].values()) == pytest.approx(1)
