from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from sesrec_tf.data.partition import Partition
from sesrec_tf.data.partition_files import EVENT_TABLES, PartitionFiles
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.user_buckets import BUCKETS, row_buckets
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.schema import SPLITS
from tests.data.dataset_content import file_records
from tests.data.log_rows import interactions, searches, shop_logs, valid_rows

OPTIONS = PrepareOptions(num_negatives=4)


def written(
    path: Path,
    feed: pd.DataFrame,
    sessions: pd.DataFrame,
    options: PrepareOptions = OPTIONS,
    shards: int = 1,
) -> PartitionFiles:
    partition = Partition.of(
        valid_rows(feed, "interactions"), valid_rows(sessions, "searches"), options
    )
    known = Vocabularies.of(partition.counts(options), options).known_ids()
    return PartitionFiles.write(path, partition, known, options, dict.fromkeys(SPLITS, shards))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> PartitionFiles:
    logs = shop_logs()
    path = tmp_path_factory.mktemp("partition") / "new" / "000"
    return written(path, logs.interactions, logs.searches, shards=16)


def test_tables_hold_every_event(files: PartitionFiles) -> None:
    logs = shop_logs()
    for name, frame in zip(EVENT_TABLES, (logs.interactions, logs.searches), strict=True):
        table = pa.Table.from_batches(files.rows(name), files.schema(name))
        assert sorted(table["row"].to_pylist()) == list(range(len(frame)))
        for row in table.to_pylist():
            assert row["user_id"] == frame.iloc[row["row"]]["user_id"]


def test_every_user_is_in_the_shard_of_their_bucket(files: PartitionFiles) -> None:
    logs = shop_logs()
    users = pa.array(logs.interactions["user_id"].tolist(), pa.large_string())
    shard_of = row_buckets(users) * 16 // BUCKETS
    assert len(set(shard_of)) > 4
    for split in SPLITS:
        instances = []
        for shard in range(16):
            path = files.records(split, shard)
            found = [] if path is None else [r["instance"][0] for r in file_records(path)]
            # A file is there for the shards that have records alone.
            assert (path is None) == (not found)
            assert all(shard_of[row] == shard for row in found)
            instances += found
        table = pa.Table.from_batches(files.rows("interactions"), files.schema("interactions"))
        own = [row["row"] for row in table.to_pylist() if row["split"] == split]
        # Shard after shard, in the order of the table.
        assert instances == own
        assert files.summary()["instances"][split] == len(own) > 0


def test_candidates(files: PartitionFiles) -> None:
    for split, number in (("train", 1), ("valid", 5), ("test", 5)):
        for shard in range(16):
            path = files.records(split, shard)
            for record in file_records(path) if path else []:
                assert len(record["candidates"]) == number


def test_the_summary_names_the_buckets(files: PartitionFiles) -> None:
    logs = shop_logs()
    every = {*logs.interactions["user_id"], *logs.searches["user_id"]}
    users = pa.array(sorted(every), pa.large_string())
    summary = files.summary()
    assert sorted(summary["content"]) == sorted(set(row_buckets(users).tolist()))
    assert set(summary["candidates"]) <= set(summary["content"])
    assert summary["unknown_negatives"] == {"train": 0, "valid": 0, "test": 0}


def test_unknown_positives_and_negatives(tmp_path: Path) -> None:
    # Known: a (twice) and b (twice); c is too rare; the targets d and e are never seen before.
    feed = interactions(
        *(("u", item, time) for time, item in enumerate("aabbcde")),
        split=["", *["train"] * 4, "valid", "test"],
        negative_item_ids=[""] * 5 + ["a x y b", "c b a z"],
    )
    options = PrepareOptions(split="given", negatives="given", num_negatives=4, min_count=2)
    files = written(tmp_path / "0", feed, searches(("u", "1", "q", "", "", 9)), options)
    summary = files.summary()
    # The instance of c is left out of train.
    assert summary["instances"] == {"train": 3, "valid": 1, "test": 1}
    assert summary["unknown_positives"] == {"train": 1, "valid": 1, "test": 1}
    assert summary["unknown_negatives"] == {"train": 0, "valid": 2, "test": 2}
    test = files.records("test", 0)
    assert test is not None
    # Frozen negatives stay in their order: c, b, a, z.
    assert file_records(test)[0]["candidates"] == [1, 1, 3, 2, 1]


@pytest.mark.parametrize("empty", EVENT_TABLES)
def test_a_table_may_have_no_rows(empty: str, tmp_path: Path) -> None:
    feed = interactions(("u", "a", 1), ("u", "b", 2))
    sessions = searches(("u", "1", "q", "", "", 9))
    frames = {"interactions": feed, "searches": sessions}
    whole = written(tmp_path / "whole", feed, sessions)
    frames[empty] = frames[empty].iloc[:0]
    files = written(tmp_path / "part", frames["interactions"], frames["searches"])
    assert sum(batch.num_rows for batch in files.rows(empty)) == 0
    assert files.schema(empty) == whole.schema(empty)
    assert [files.records("valid", 0), files.records("test", 0)] == [None, None]
