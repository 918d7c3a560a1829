"""The files of a prepared data set."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from sesrec_tf.data import prepared_tables
from sesrec_tf.data.attributes import Attribute
from sesrec_tf.data.content_hash import ContentHash
from sesrec_tf.data.event_log import EventLog, Integers
from sesrec_tf.data.indexed_log import IndexedLog
from sesrec_tf.data.instances import InstanceBuilder
from sesrec_tf.data.prepared import INFO_FILE
from sesrec_tf.data.splits import SplitAssignment
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.schema import HistoryShape

INSTANCES_PER_SHARD = 16_384
_INSTANCES_PER_BATCH = 2_048


class DatasetWriter:
    """Writes the parts of one prepared data set and hashes what it writes.

    Args:
        directory: an empty directory.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._hash = ContentHash()

    def write_vocabularies(
        self, indexed: IndexedLog, attributes: Mapping[str, list[Attribute]]
    ) -> None:
        """One text file per vocabulary, attributes included."""
        (self._directory / "vocabularies").mkdir()
        for name in ("users", "items", "queries", "words", "sources"):
            self._write_vocabulary(name, getattr(indexed, name))
        for table, prefix in (("items", "item"), ("users", "user")):
            for attribute in attributes[table]:
                self._write_vocabulary(f"{prefix}_{attribute.name}", attribute.values)

    def write_tables(
        self,
        log: EventLog,
        splits: SplitAssignment,
        indexed: IndexedLog,
        attributes: Mapping[str, list[Attribute]],
    ) -> None:
        """The Parquet tables."""
        (self._directory / "tables").mkdir()
        tables = {
            "items": prepared_tables.item_table(indexed, attributes["items"]),
            "users": prepared_tables.user_table(indexed, attributes["users"]),
            "queries": prepared_tables.query_table(log, indexed),
            "interactions": prepared_tables.interaction_table(log, indexed, splits),
            "searches": prepared_tables.search_table(log, indexed, splits),
        }
        for name, table in tables.items():
            self._hash.add_table(name, table)
            pyarrow.parquet.write_table(table, self._directory / "tables" / f"{name}.parquet")

    def write_schema(self, shape: HistoryShape, candidates: int) -> None:
        """The `tensorflow-metadata` schema of records with up to `candidates` candidates."""
        # TensorFlow takes seconds to import: unusable logs fail before.
        from sesrec_tf.data.record_writer import write_schema

        write_schema(self._directory / "schema.pbtxt", shape, candidates)

    def write_records(
        self,
        split: str,
        builder: InstanceBuilder,
        targets: Integers,
        negatives: Integers | None,
        shards: int | None,
    ) -> Iterator[int]:
        """Writes one split, shard by shard.

        Args:
            split: its name.
            builder: of the records.
            targets: `[N]` places among the ordered interactions.
            negatives: `[N, M]` item indices, or `None`.
            shards: number of files; `None` for one per `INSTANCES_PER_SHARD`.

        Yields:
            The number of records of each shard, once it is written.
        """
        from sesrec_tf.data.record_writer import shard_path, write_shard

        (self._directory / split).mkdir()
        count = shards or -(-len(targets) // INSTANCES_PER_SHARD)
        for shard in range(count):
            part = slice(len(targets) * shard // count, len(targets) * (shard + 1) // count)
            batches = self._hashed(
                split,
                builder.batches(
                    targets[part],
                    None if negatives is None else negatives[part],
                    _INSTANCES_PER_BATCH,
                ),
            )
            yield write_shard(shard_path(self._directory / split, shard, count), batches)

    def write_info(self, info: dict[str, Any]) -> None:
        """`dataset_info.json`, with the hash of everything written, itself included."""
        self._hash.add_text(INFO_FILE, json.dumps(info, sort_keys=True))
        text = json.dumps({**info, "content_hash": self._hash.hexdigest()}, indent=2)
        (self._directory / INFO_FILE).write_text(text + "\n", "utf-8")

    def _hashed(self, split: str, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        for batch in batches:
            self._hash.add_table(split, batch)
            yield batch

    def _write_vocabulary(self, name: str, vocabulary: Vocabulary) -> None:
        path = self._directory / "vocabularies" / f"{name}.txt"
        vocabulary.save(path)
        self._hash.add_text(f"vocabularies/{name}", path.read_text("utf-8"))
