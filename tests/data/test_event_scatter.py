from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from sesrec_tf.data import event_scatter, rejected_rows
from sesrec_tf.data.event_scatter import EVENT_SCHEMAS, bucket_file, divided_rows, gather, scatter
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.user_buckets import BUCKETS, row_buckets
from sesrec_tf.errors import InputError
from tests.data.log_rows import PartedLogs, interactions, searches, shop_logs, valid_rows

OPTIONS = PrepareOptions(max_rejected=1.0)
LOGS = shop_logs()
SEARCHES = searches(("u", "1", "q", "", "", 0))


@pytest.mark.parametrize("table", list(EVENT_SCHEMAS))
@pytest.mark.parametrize("chunk_rows", [1, 7, 1000])
def test_rows_come_back_from_the_bucket_of_their_user(
    table: str, chunk_rows: int, tmp_path: Path
) -> None:
    reader = PartedLogs(LOGS, number=3, chunk_rows=chunk_rows)
    told: list[int] = []
    found = [
        scatter(reader, table, parts, OPTIONS, tmp_path / "new" / str(number), told.append)
        for number, parts in enumerate(([0, 2], [1]))
    ]
    directories = [tmp_path / "new" / "0", tmp_path / "new" / "1"]
    rows = valid_rows(getattr(LOGS, table), table)
    bucket = row_buckets(rows["user_id"].combine_chunks())
    assert (sum(each.buckets for each in found) == np.bincount(bucket, minlength=BUCKETS)).all()
    assert sum(told) == sum(each.rows.read for each in found) == len(rows)
    for number in range(BUCKETS):
        own = gather(directories, table, [number])
        assert own.schema == EVENT_SCHEMAS[table]
        assert own.sort_by("row").equals(rows.filter(pa.array(bucket == number)))
    assert gather(directories, table, range(BUCKETS)).sort_by("row").equals(rows)


def test_buckets_without_rows_have_no_file(tmp_path: Path) -> None:
    reader = LogTables(interactions(("u", "a", 0), ("u", "b", 1)), SEARCHES)
    scatter(reader, "interactions", [0], OPTIONS, tmp_path / "0", lambda rows: None)
    # See the golden hashes of `test_user_buckets`.
    assert list((tmp_path / "0").iterdir()) == [bucket_file(tmp_path / "0", 0x9E)]
    assert len(gather([tmp_path / "0"], "interactions", range(0x9E))) == 0
    assert len(gather([tmp_path / "0"], "interactions", range(0x9E, 0x9F))) == 2


def test_rejected_rows_are_read_and_lie_in_no_bucket(tmp_path: Path) -> None:
    feed = interactions(("u", "a", 0), ("", "b", 1), ("v", "c d", 2), ("v", "c", 3))
    for chunk_rows in (1, 4):
        reader = PartedLogs(LogTables(feed, SEARCHES), chunk_rows=chunk_rows)
        path = tmp_path / str(chunk_rows)
        found = scatter(reader, "interactions", [0], OPTIONS, path, lambda rows: None)
        assert found.rows.read == 4
        assert found.rows.rejected["row"].to_pylist() == [1, 2]
        assert gather([path], "interactions", range(BUCKETS))["row"].to_pylist() == [3, 0]
        assert found.buckets.sum() == 2


def test_no_parts(tmp_path: Path) -> None:
    found = scatter(LOGS, "interactions", [], OPTIONS, tmp_path / "0", lambda rows: None)
    assert found.rows.read == len(found.rows.rejected) == found.buckets.sum() == 0


def test_reading_ends_at_the_first_bad_row_where_none_is_allowed() -> None:
    feed = interactions(("u", "a", 0), ("", "b", 1), ("", "c", 2), ("u", "d", 3))
    reader = PartedLogs(LogTables(feed, SEARCHES), chunk_rows=1)
    chunks = divided_rows(reader, "interactions", [0], PrepareOptions(max_rejected=0))
    next(chunks)
    with pytest.raises(InputError, match=r"line 2: user_id is empty"):
        next(chunks)


def test_reading_ends_with_too_many_bad_rows_to_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejected_rows, "_MOST_KEPT", 10)
    rows = [("u" if row % 2 else "", "a", row) for row in range(300)]
    reader = PartedLogs(LogTables(interactions(*rows), SEARCHES), chunk_rows=10)
    chunks = divided_rows(reader, "interactions", [0], PrepareOptions(max_rejected=0.1))
    # Every other row is bad: 10 after two chunks, 15 after three.
    next(chunks)
    next(chunks)
    with pytest.raises(InputError, match=r"15 of 30 rows read so far cannot be used") as caught:
        next(chunks)
    assert len(caught.value.details) == 10


def test_files_of_other_tables_are_not_mistaken(tmp_path: Path) -> None:
    event_scatter.scatter(LOGS, "searches", [0], OPTIONS, tmp_path / "s", lambda rows: None)
    assert gather([tmp_path / "s"], "searches", range(BUCKETS)).num_rows == len(LOGS.searches)
