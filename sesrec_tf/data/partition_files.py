"""What one partition contributes to a prepared data set, as files of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from sesrec_tf import schema
from sesrec_tf.data.arrow_files import PACKED
from sesrec_tf.data.bucket_hashes import BucketHashes
from sesrec_tf.data.event_log import Integers
from sesrec_tf.data.frozen_negatives import frozen_negatives
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.instances import InstanceBuilder
from sesrec_tf.data.known_ids import KnownIds
from sesrec_tf.data.partition import Partition
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared_tables import interaction_table, search_table
from sesrec_tf.data.record_writer import write_shard
from sesrec_tf.data.splits import LEFT_OUT, SplitAssignment
from sesrec_tf.data.user_buckets import BUCKETS
from sesrec_tf.schema import SPLITS, UNKNOWN

EVENT_TABLES = ("interactions", "searches")
EVALUATION_SPLITS = SPLITS[1:]
SUMMARY_FILE = "summary.json"

_INSTANCES_PER_BATCH = 2_048
_ROWS_PER_BATCH = 1 << 16


@dataclass(frozen=True)
class PartitionFiles:
    """The files of one partition.

    Layout:
        interactions.arrow, searches.arrow: rows of the event tables.
        SPLIT-NNNNN.tfrecord: records of one split for one of its shards, NNNNN from 0.
        summary.json: `instances`, `unknown_positives` and `unknown_negatives` by split, and the
            digests of every bucket, `content` and `candidates`.

    Attributes:
        path: the directory.
    """

    path: Path

    @classmethod
    def write(
        cls,
        path: Path,
        partition: Partition,
        known: KnownIds,
        options: PrepareOptions,
        shards: Mapping[str, int],
    ) -> PartitionFiles:
        """Builds tables and records, and writes them.

        Args:
            path: a directory to make.
            partition: the events.
            known: ids of all users' events.
            options: the rules.
            shards: files of each split over all partitions.

        Raises:
            InputError: if a user leaves too few items to draw negatives from.
        """
        path.mkdir(parents=True)
        _Build(path, partition, known, options).write(shards)
        return cls(path)

    def summary(self) -> dict[str, Any]:
        """What `summary.json` says; the keys of digests are numbers of buckets."""
        found: dict[str, Any] = json.loads((self.path / SUMMARY_FILE).read_text("utf-8"))
        for name in ("content", "candidates"):
            found[name] = {int(bucket): digest for bucket, digest in found[name].items()}
        return found

    def rows(self, table: str) -> Iterator[pa.RecordBatch]:
        """Rows of one of the event tables."""
        with pa.memory_map(str(self.path / f"{table}.arrow")) as file:
            yield from pyarrow.ipc.open_stream(file)

    def schema(self, table: str) -> pa.Schema:
        """Columns of one of the event tables, which may have no rows."""
        with pa.memory_map(str(self.path / f"{table}.arrow")) as file:
            return pyarrow.ipc.open_stream(file).schema

    def records(self, split: str, shard: int) -> Path | None:
        """The record file for one shard, if the partition has any of its users."""
        path = _record_path(self.path, split, shard)
        return path if path.exists() else None


class _Build:
    def __init__(
        self, path: Path, partition: Partition, known: KnownIds, options: PrepareOptions
    ) -> None:
        self._path = path
        self._log = partition.log
        self._known = known
        self._options = options
        self._indexed = IndexedLog.of(partition.log, known)
        self._unknown = self._indexed.items[self._log.interactions.item] == UNKNOWN
        self._splits = partition.splits.without_unknown_positives(self._unknown)
        self._content, self._candidates = BucketHashes(), BucketHashes()

    def write(self, shards: Mapping[str, int]) -> None:
        log, indexed, splits = self._log, self._indexed, self._splits
        self._write_table(
            "interactions", interaction_table(log, indexed, splits), log.interactions.user
        )
        self._write_table("searches", search_table(log, indexed, splits), log.searches.user)
        negatives = self._negatives()
        for split in SPLITS:
            self._write_records(split, negatives.get(split), shards[split])
        unknown_negatives = {
            split: int((negatives[split] == UNKNOWN).sum()) if split in negatives else 0
            for split in SPLITS
        }
        summary = {
            "instances": splits.instances(),
            "unknown_positives": _unknown_positives(splits, self._unknown),
            "unknown_negatives": unknown_negatives,
            "content": self._content.hexdigests(),
            "candidates": self._candidates.hexdigests(),
        }
        (self._path / SUMMARY_FILE).write_text(json.dumps(summary), "utf-8")

    def _write_table(self, name: str, table: pa.Table, user: Integers) -> None:
        self._content.add(name, table, self._log.user_bucket[user])
        path = self._path / f"{name}.arrow"
        with pyarrow.ipc.new_stream(path, table.schema, options=PACKED) as writer:
            writer.write_table(table, _ROWS_PER_BATCH)

    def _negatives(self) -> dict[str, Integers]:
        """`[N, M]` item indices for the instances of valid and test."""
        targets = [self._splits.targets(split) for split in EVALUATION_SPLITS]
        negatives = frozen_negatives(
            self._log, self._indexed, self._known, np.concatenate(targets), self._options
        )
        parts = np.split(negatives, np.cumsum([len(part) for part in targets])[:-1])
        return dict(zip(EVALUATION_SPLITS, parts, strict=True))

    def _write_records(self, split: str, negatives: Integers | None, shards: int) -> None:
        targets = self._splits.targets(split)
        shard = self._buckets(targets) * shards // BUCKETS
        for number in np.unique(shard):
            places = np.flatnonzero(shard == number)
            chosen = None if negatives is None else negatives[places]
            batches = self._batches(split, targets[places], chosen)
            write_shard(_record_path(self._path, split, int(number)), batches)

    def _batches(
        self, split: str, targets: Integers, negatives: Integers | None
    ) -> Iterator[pa.RecordBatch]:
        builder, start = InstanceBuilder(self._log, self._indexed), 0
        for batch in builder.batches(targets, negatives, _INSTANCES_PER_BATCH):
            buckets = self._buckets(targets[start : start + batch.num_rows])
            self._content.add(split, batch, buckets)
            if negatives is not None:
                lists = batch.select([schema.INSTANCE, schema.CANDIDATES])
                self._candidates.add(split, lists, buckets)
            start += batch.num_rows
            yield batch

    def _buckets(self, targets: Integers) -> Integers:
        return self._log.user_bucket[self._log.interactions.user[targets]]


def _unknown_positives(splits: SplitAssignment, unknown: Any) -> dict[str, int]:
    """Instances whose positive is unknown; those of train are left out."""
    found = {split: int(unknown[splits.targets(split)].sum()) for split in SPLITS}
    return {**found, SPLITS[0]: int((splits.instance_split == LEFT_OUT).sum())}


def _record_path(directory: Path, split: str, shard: int) -> Path:
    return directory / f"{split}-{shard:05d}.tfrecord"
