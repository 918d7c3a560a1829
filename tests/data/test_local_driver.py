from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesrec_tf.data.local_driver import LocalDriver
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS
from tests.data.dataset_content import content, files
from tests.data.history_by_hand import assert_by_hand
from tests.data.log_rows import PartedLogs, interactions, searches, shop_logs
from tests.data.process_tree import descendants, left_of
from tests.data.slow_preparation import main
from tests.data.worker_tasks import wait_for

OPTIONS = PrepareOptions(num_negatives=4, max_rec=3, max_searches=2, max_clicks=2, max_words=2)
LOGS = shop_logs()


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> PreparedDataset:
    return prepare(LOGS, replace(OPTIONS, shards=1), tmp_path_factory.mktemp("one") / "data")


@pytest.mark.parametrize(
    ("driver", "shards"),
    [
        *((LocalDriver(), shards) for shards in (4, 16, 256)),
        # A partition for every bucket, and some partitions.
        *((LocalDriver(memory=1), shards) for shards in (1, 4, 16)),
        *((LocalDriver(memory=20_000), shards) for shards in (1, 16)),
        (LocalDriver(2), 4),
        (LocalDriver(2, memory=1), 16),
    ],
    ids=str,
)
def test_the_data_set_is_the_same(
    driver: LocalDriver, shards: int, dataset: PreparedDataset, tmp_path: Path
) -> None:
    options = replace(OPTIONS, shards=shards)
    other = prepare(LOGS, options, tmp_path / "data", driver=driver)
    assert content(other) == content(dataset)
    for split in SPLITS:
        assert len(other.record_files(split)) == shards
    # Nothing of the work is left.
    assert sorted(os.listdir(other.path)) == sorted(
        [*SPLITS, "dataset_info.json", "schema.pbtxt", "tables", "vocabularies"]
    )


@pytest.mark.parametrize("chunk_rows", [5, 1000])
def test_parts_read_by_two_processes(
    chunk_rows: int, dataset: PreparedDataset, tmp_path: Path
) -> None:
    reader = PartedLogs(LOGS, number=3, chunk_rows=chunk_rows)
    other = prepare(reader, OPTIONS, tmp_path / "data", driver=LocalDriver(2, memory=20_000))
    assert content(other) == content(dataset)


def test_more_processes_than_users(tmp_path: Path) -> None:
    feed = interactions(*(("u", item, time) for time, item in enumerate("abcd")))
    # v clicks what u never meets.
    sessions = searches(("v", "1", "q", "", "x y", 0), ("v", "2", "q", "", "z p", 0))
    found = [
        prepare(
            LogTables(feed, sessions),
            replace(OPTIONS, shards=shards, num_negatives=3),
            tmp_path / f"{shards}",
            driver=driver,
        )
        for driver, shards in ((LocalDriver(4), 16), (LocalDriver(1), 1))
    ]
    assert content(found[0]) == content(found[1])
    # One record each, all other shards are empty files.
    for split in SPLITS:
        sizes = [os.path.getsize(path) for path in found[0].record_files(split)]
        assert sum(size > 0 for size in sizes) == found[0].instances(split) == 1


def test_one_user_has_all_events(tmp_path: Path) -> None:
    size = 3_000
    feed = pd.DataFrame({"user_id": "u", "item_id": "a", "timestamp": range(size)})
    sessions = [("u", f"s{time}", "q", "", "", time) for time in range(size)]
    # But for the one who clicks, to have negatives for u.
    sessions.append(("v", "1", "q", "", "w x", 0))
    sessions.append(("v", "2", "q", "", "y z", 0))
    logs = LogTables(feed, searches(*sessions))
    found = [
        prepare(
            logs, replace(OPTIONS, shards=3), tmp_path / f"{memory}", driver=LocalDriver(1, memory)
        )
        for memory in (1, 1 << 30)
    ]
    assert content(found[0]) == content(found[1])
    assert found[0].info["instances"] == {"train": size - 3, "valid": 1, "test": 1}


def test_partitions_hold_as_many_buckets_as_fit() -> None:
    sizes = np.zeros(256, np.int64)
    sizes[[3, 4, 9, 200]] = [5, 5, 1, 30]
    # 10 rows a partition, of a thousand bytes each; a bucket is never divided.
    assert LocalDriver(1, memory=10_000)._ranges(sizes, 1) == [(0, 9), (9, 200), (200, 256)]
    assert LocalDriver(1, memory=1)._ranges(sizes, 1) == [(0, 4), (4, 9), (9, 200), (200, 256)]
    # Processes share the memory; and with enough of it, the work.
    assert LocalDriver(2, memory=20_000)._ranges(sizes, 2) == [(0, 9), (9, 200), (200, 256)]
    assert LocalDriver(1)._ranges(sizes, 1) == [(0, 256)]
    assert LocalDriver(2)._ranges(sizes, 2) == [(0, 200), (200, 256)]
    assert LocalDriver(3)._ranges(np.zeros(256, np.int64), 3) == [(0, 256)]


def test_what_does_not_fit_is_told_before_it_is_tried() -> None:
    sizes = np.zeros(256, np.int64)
    sizes[7] = 40_000
    # 40 MB for each process that may have the largest bucket.
    assert LocalDriver(4, memory=80 << 20)._fitting(sizes) == 2
    assert LocalDriver(1, memory=1)._fitting(sizes) == 1
    sizes[8] = 400_000
    with pytest.raises(InputError, match=r"has 400,000 rows.*Choose `--memory 382M` or more\."):
        LocalDriver(4, memory=80 << 20)._fitting(sizes)
    assert LocalDriver(1, memory=382 << 20)._fitting(sizes) == 1


def changed(table: str, column: str, row: int, value: object) -> LogTables:
    frame = getattr(LOGS, table).copy()
    frame[column] = frame[column].astype(object)
    frame.loc[frame.index[row], column] = value
    return replace(LOGS, **{table: frame})


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [
        ("interactions", "user_id", "someone else"),
        ("interactions", "item_id", "i29"),
        ("interactions", "timestamp", 77),
        ("searches", "session_id", "renamed"),
        ("searches", "query", "w0  w1"),
        ("searches", "source", "voice"),
        ("searches", "clicked_item_ids", "i0 i1 i2 i3 i4 i5"),
        ("searches", "timestamp", -5),
        ("items", "category", "c7"),
        ("users", "age", "25-34"),
    ],
)
def test_the_hash_changes_with_anything_in_the_logs(
    table: str, column: str, value: str, dataset: PreparedDataset, tmp_path: Path
) -> None:
    value = value.replace(" else", "-else") if isinstance(value, str) else value
    other = prepare(changed(table, column, 2, value), OPTIONS, tmp_path / "data")
    assert other.info["content_hash"] != dataset.info["content_hash"]


@pytest.mark.parametrize(
    "options",
    [
        {"seed": 1},
        {"num_negatives": 5},
        {"negatives": "popularity"},
        {"max_rec": 4},
        {"max_clicks": 1},
        {"min_count": 2},
        {"time_unit": "ms"},
        {"min_instances": 4},
    ],
)
def test_the_hash_changes_with_the_rules(
    options: dict[str, object], dataset: PreparedDataset, tmp_path: Path
) -> None:
    other = prepare(LOGS, replace(OPTIONS, **options), tmp_path / "data")
    assert other.info["content_hash"] != dataset.info["content_hash"]
    # What changes the indices of items changes those of the negatives.
    same = not {"max_rec", "time_unit"}.isdisjoint(options)
    assert (other.info["negatives"]["hash"] == dataset.info["negatives"]["hash"]) == same


@pytest.mark.parametrize("processes", [1, 2])
def test_reports_go_forwards(processes: int, tmp_path: Path) -> None:
    done: list[float] = []
    driver = LocalDriver(processes, memory=1)
    prepare(LOGS, OPTIONS, tmp_path / "data", lambda _, share: done.append(share), driver)
    assert (np.diff(done) > -1e-9).all()
    assert 0 <= done[0] <= done[-1] <= 1


@st.composite
def readers(draw: st.DrawFn) -> PartedLogs:
    """Small logs in random order, parts and chunks, the numbers of their rows kept."""
    logs = shop_logs(draw(st.integers(0, 1_000)), users=draw(st.integers(1, 8)))
    orders = {
        table: np.random.default_rng(draw(st.integers(0, 99))).permutation(len(frame)).tolist()
        for table, frame in vars(logs).items()
    }
    return PartedLogs(logs, orders, draw(st.integers(1, 3)), draw(st.sampled_from([3, 1000])))


@settings(deadline=None, max_examples=8)
@given(
    reader=readers(),
    memory=st.sampled_from([1, 5_000, 30_000, 1 << 31]),
    shards=st.integers(1, 20),
)
def test_neither_division_nor_order_of_rows_matters(
    reader: PartedLogs, memory: int, shards: int
) -> None:
    with TemporaryDirectory() as directory:
        whole = prepare(reader.tables, OPTIONS, Path(directory) / "whole")
        options = replace(OPTIONS, shards=shards)
        driver = LocalDriver(1, memory)
        parted = prepare(reader, options, Path(directory) / "parted", driver=driver)
        assert content(parted) == content(whole)
        assert_by_hand(parted, reader.tables, OPTIONS)


@settings(deadline=None, max_examples=5)
@given(st.integers(0, 1_000), st.data())
def test_rejected_rows_are_as_if_they_were_not_there(seed: int, data: st.DataObject) -> None:
    logs = shop_logs(seed, users=5)
    size = len(logs.interactions)
    bad = data.draw(st.sets(st.integers(0, size - 1), min_size=1, max_size=4))
    spoilt = logs.interactions.copy()
    spoilt.loc[sorted(bad), "item_id"] = ""
    kept = {"interactions": [row for row in range(size) if row not in bad]}
    driver = LocalDriver(1, data.draw(st.sampled_from([1, 1 << 30])))
    with TemporaryDirectory() as directory:
        without = prepare(PartedLogs(logs, kept), OPTIONS, Path(directory) / "without")
        found = prepare(
            replace(logs, interactions=spoilt),
            replace(OPTIONS, max_rejected=0.5),
            Path(directory) / "spoilt",
            driver=driver,
        )
        assert found.info["rows"]["interactions"] == {
            "read": size,
            "used": size - len(bad),
            "left_out": {},
            "rejected": {"item_id is empty": len(bad)},
        }
        ours, theirs = files(found), files(without)
        assert ours.pop("rejected/interactions.csv").count(b"\n") == 1 + len(bad)
        # What it says of the rows is different.
        del ours["dataset_info.json"], theirs["dataset_info.json"]
        assert ours == theirs
        assert content(found)[1] == content(without)[1]


@pytest.fixture
def preparation(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A command whose two workers read logs that never end."""
    (tmp_path / "marks").mkdir()
    with (tmp_path / "marks" / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.data.slow_preparation"),
                *(str(tmp_path / "out" / "data"), str(tmp_path / "marks"), "slow"),
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stderr=printed,
            start_new_session=True,
        )
    try:
        wait_for(tmp_path / "marks", "interactions.[0-9]*", 2)
        yield process
    finally:
        process.kill()
        process.wait()


def test_an_interrupted_preparation_leaves_nothing(
    preparation: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = descendants(preparation.pid)
    assert len(os.listdir(tmp_path / "out")) == 1
    os.killpg(preparation.pid, signal.SIGINT)
    assert preparation.wait() == 130
    assert (tmp_path / "marks" / "printed").read_text("utf-8") == "stopped\n"
    assert left_of(started) == set()
    assert os.listdir(tmp_path / "out") == []


def test_after_a_killed_preparation_another_finishes(
    preparation: subprocess.Popen[bytes], tmp_path: Path
) -> None:
    started = descendants(preparation.pid)
    preparation.kill()
    preparation.wait()
    assert left_of(started) == set()
    # It had no chance to tidy up.
    (left,) = os.listdir(tmp_path / "out")
    assert left.startswith(".data.partial-")
    main([str(tmp_path / "out" / "data"), str(tmp_path / "marks")])
    assert os.listdir(tmp_path / "out") == ["data"]
    whole = prepare(LOGS, PrepareOptions(num_negatives=4), tmp_path / "whole")
    assert content(PreparedDataset(tmp_path / "out" / "data")) == content(whole)
