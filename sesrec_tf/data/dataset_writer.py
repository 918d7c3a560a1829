"""The files of a prepared data set."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet

from sesrec_tf.data import prepared_tables
from sesrec_tf.data.attributes import AttributeTable
from sesrec_tf.data.bucket_hashes import combined
from sesrec_tf.data.content_hash import ContentHash
from sesrec_tf.data.partition_files import EVENT_TABLES, PartitionFiles
from sesrec_tf.data.prepared import INFO_FILE
from sesrec_tf.data.record_writer import shard_path, write_schema
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.data.vocabulary import Vocabulary
from sesrec_tf.schema import HistoryShape

_ROWS_PER_GROUP = 1 << 17


class DatasetWriter:
    """Writes one prepared data set from what its partitions hold, and hashes it.

    Args:
        directory: where it is written.
        partitions: in the order of users.
    """

    def __init__(self, directory: Path, partitions: Sequence[PartitionFiles]) -> None:
        self._directory = directory
        self._partitions = partitions
        self._hash = ContentHash()

    def write_vocabularies(
        self, vocabularies: Vocabularies, attributes: Mapping[str, AttributeTable]
    ) -> None:
        """One text file per vocabulary, attributes included."""
        (self._directory / "vocabularies").mkdir()
        for name in ("users", "items", "queries", "words", "sources"):
            self._write_vocabulary(name, getattr(vocabularies, name))
        for table, prefix in (("items", "item"), ("users", "user")):
            for attribute in attributes[table].attributes:
                self._write_vocabulary(f"{prefix}_{attribute.name}", attribute.values)

    def write_tables(
        self, vocabularies: Vocabularies, attributes: Mapping[str, AttributeTable]
    ) -> None:
        """The Parquet tables."""
        (self._directory / "tables").mkdir()
        tables = {
            "items": prepared_tables.item_table(vocabularies, attributes["items"].attributes),
            "users": prepared_tables.user_table(vocabularies, attributes["users"].attributes),
            "queries": prepared_tables.query_table(vocabularies),
        }
        for name, table in tables.items():
            self._hash.add_table(name, table)
            pyarrow.parquet.write_table(table, self._table_path(name))
        for name in EVENT_TABLES:
            self._write_event_table(name)

    def write_schema(self, shape: HistoryShape, candidates: int) -> None:
        """The `tensorflow-metadata` schema of records with up to `candidates` candidates."""
        write_schema(self._directory / "schema.pbtxt", shape, candidates)

    def write_records(self, shards: Mapping[str, int]) -> None:
        """The record files of every split; a TFRecord file is the records one after another."""
        for split, count in shards.items():
            (self._directory / split).mkdir()
            for shard in range(count):
                found = (part.records(split, shard) for part in self._partitions)
                target = shard_path(self._directory / split, shard, count)
                _put_together([path for path in found if path is not None], target)

    def write_info(self, info: dict[str, Any]) -> None:
        """`dataset_info.json`, with the hash of everything written, itself included."""
        self._hash.add_text(INFO_FILE, json.dumps(info, sort_keys=True))
        content = combined(part.summary()["content"] for part in self._partitions)
        self._hash.add_text("events", content)
        text = json.dumps({**info, "content_hash": self._hash.hexdigest()}, indent=2)
        (self._directory / INFO_FILE).write_text(text + "\n", "utf-8")

    def _write_event_table(self, name: str) -> None:
        """Row groups of one size, however the rows are divided, so that the files are equal."""
        schema = self._partitions[0].schema(name)
        with pyarrow.parquet.ParquetWriter(self._table_path(name), schema) as writer:
            waiting, size = [], 0
            for partition in self._partitions:
                for batch in partition.rows(name):
                    waiting.append(batch)
                    size += batch.num_rows
                    while size >= _ROWS_PER_GROUP:
                        table = pa.Table.from_batches(waiting, schema)
                        _write_group(writer, table.slice(0, _ROWS_PER_GROUP))
                        waiting = table.slice(_ROWS_PER_GROUP).to_batches()
                        size -= _ROWS_PER_GROUP
            if size:
                _write_group(writer, pa.Table.from_batches(waiting, schema))

    def _table_path(self, name: str) -> Path:
        return self._directory / "tables" / f"{name}.parquet"

    def _write_vocabulary(self, name: str, vocabulary: Vocabulary) -> None:
        path = self._directory / "vocabularies" / f"{name}.txt"
        vocabulary.save(path)
        self._hash.add_text(f"vocabularies/{name}", path.read_text("utf-8"))


def _write_group(writer: pyarrow.parquet.ParquetWriter, rows: pa.Table) -> None:
    # In one piece: page boundaries follow those of the chunks.
    writer.write_table(rows.combine_chunks(), row_group_size=_ROWS_PER_GROUP)


def _put_together(paths: Sequence[Path], target: Path) -> None:
    """One file from several, which are gone then."""
    if not paths:
        target.touch()
        return
    paths[0].rename(target)
    with target.open("ab") as whole:
        for path in paths[1:]:
            with path.open("rb") as part:
                shutil.copyfileobj(part, whole, 1 << 20)
            path.unlink()
