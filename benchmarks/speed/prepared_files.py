"""Drawn logs as a prepared data set of this project."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from benchmarks.speed.generated_logs import NEGATIVES, GeneratedLogs
from sesrec_tf import schema
from sesrec_tf.data.prepared import FORMAT_VERSION, INFO_FILE, VOCABULARIES
from sesrec_tf.data.record_writer import shard_path, write_schema, write_shard
from sesrec_tf.schema import FIRST_KNOWN

_RECORDS_PER_BATCH = 2_048
_TRAINING_SHARDS = 4


def write_prepared(directory: Path, logs: GeneratedLogs) -> None:
    """Writes what training and evaluation read: all but the event tables and the test split.

    Args:
        directory: to make, see `sesrec_tf.data.prepared.PreparedDataset`.
        logs: what it holds.
    """
    directory.mkdir(parents=True)
    _write_vocabularies(directory / "vocabularies", logs)
    _write_tables(directory / "tables", logs)
    train, valid = logs.profile.train, logs.profile.valid
    places = np.arange(train + valid)
    for split, shards, rows in (
        ("train", _TRAINING_SHARDS, places[:train]),
        ("valid", 1, places[train:]),
    ):
        (directory / split).mkdir()
        for shard, part in enumerate(np.array_split(rows, shards)):
            write_shard(shard_path(directory / split, shard, shards), _batches(logs, part))
    write_schema(directory / "schema.pbtxt", logs.profile.config.history, 1 + NEGATIVES)
    (directory / INFO_FILE).write_text(json.dumps(_info(logs), indent=2), "utf-8")


def _info(logs: GeneratedLogs) -> dict[str, Any]:
    profile, sizes = logs.profile, dataclasses.asdict(logs.profile.sizes)
    return {
        "format_version": FORMAT_VERSION,
        "history": dataclasses.asdict(profile.config.history),
        "vocabularies": {
            **{name: sizes[name] for name in VOCABULARIES},
            "item_attributes": dict(sizes["item_attributes"]),
            "user_attributes": dict(sizes["user_attributes"]),
        },
        "instances": {"train": profile.train, "valid": profile.valid, "test": 0},
        "time_unit": "order",
        "ticks_per_second": None,
        "negatives": {"distribution": "uniform", "number": NEGATIVES},
    }


def _write_vocabularies(directory: Path, logs: GeneratedLogs) -> None:
    directory.mkdir()
    sizes = logs.profile.sizes
    for name in VOCABULARIES:
        _write_ids(directory / f"{name}.txt", name[0], getattr(sizes, name))
    for prefix, attributes in (("item", sizes.item_attributes), ("user", sizes.user_attributes)):
        for name, size in attributes:
            _write_ids(directory / f"{prefix}_{name}.txt", name[0], size)


def _write_ids(path: Path, letter: str, number: int) -> None:
    path.write_text("".join(f"{letter}{each}\n" for each in range(number)), "utf-8")


def _write_tables(directory: Path, logs: GeneratedLogs) -> None:
    directory.mkdir()
    sizes, training = logs.profile.sizes, slice(0, logs.profile.train)
    items = pd.DataFrame(logs.item_attributes, columns=[name for name, _ in sizes.item_attributes])
    items["count"] = _counts(sizes.items, logs.rec_items[training], logs.positives[training])
    items["clicks"] = _counts(sizes.items, logs.clicked_items[training])
    users = pd.DataFrame(logs.user_attributes, columns=[name for name, _ in sizes.user_attributes])
    users["count"] = np.bincount(
        logs.users[training], 1 + logs.rec_lengths[training], sizes.users + FIRST_KNOWN
    ).astype(np.int64)
    counts = _counts(sizes.queries, logs.queries[training])
    found = np.flatnonzero(counts)
    queries = pd.DataFrame(
        {
            "text": [f"q{each - FIRST_KNOWN}" for each in found],
            "query": found.astype(np.int32),
            "words": list(logs.query_words[found]),
            "count": counts[found],
        }
    )
    for name, table in (("items", items), ("users", users), ("queries", queries)):
        table.to_parquet(directory / f"{name}.parquet", index=False)


def _counts(size: int, *indices: npt.NDArray[np.int32]) -> npt.NDArray[np.int64]:
    """`[size + 2]` how often each known index occurs."""
    counts = np.zeros(size + FIRST_KNOWN, np.int64)
    for values in indices:
        counts += np.bincount(values.ravel(), minlength=len(counts))
    counts[:FIRST_KNOWN] = 0
    return counts


def _batches(logs: GeneratedLogs, rows: npt.NDArray[np.int64]) -> Iterator[pa.RecordBatch]:
    for start in range(0, len(rows), _RECORDS_PER_BATCH):
        yield _records(logs, rows[start : start + _RECORDS_PER_BATCH])


def _records(logs: GeneratedLogs, rows: npt.NDArray[np.int64]) -> pa.RecordBatch:
    """Records as `schema.record_widths` says; times are positions."""
    recent, searched = logs.rec_items[rows] > 0, logs.queries[rows] > 0
    feed, searches = recent.sum(1), searched.sum(1)
    candidates = logs.positives[rows][:, None]
    if rows[0] >= logs.profile.train:
        negatives = logs.negatives[rows - logs.profile.train]
        candidates = np.concatenate([candidates, negatives], axis=1)
    shape, ones = logs.profile.config.history, np.ones_like(rows)
    columns = {
        schema.INSTANCE: (rows, ones),
        schema.USER: (logs.users[rows], ones),
        schema.EARLIER_INTERACTIONS: (feed, ones),
        schema.EARLIER_SEARCHES: (searches, ones),
        schema.REC_ITEMS: (logs.rec_items[rows][recent], feed),
        schema.REC_TIMES: (np.nonzero(recent)[1], feed),
        schema.QUERIES: (logs.queries[rows][searched], searches),
        schema.QUERY_WORDS: (
            logs.query_words[logs.queries[rows][searched]].ravel(),
            searches * shape.query_words,
        ),
        schema.QUERY_SOURCES: (logs.sources[rows][searched], searches),
        schema.QUERY_TIMES: (np.nonzero(searched)[1], searches),
        schema.CLICKED_ITEMS: (
            logs.clicked_items[rows][searched].ravel(),
            searches * shape.clicks,
        ),
        schema.CANDIDATES: (candidates.ravel(), ones * candidates.shape[1]),
    }
    arrays = [_lists(values, lengths) for values, lengths in columns.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(columns))


def _lists(values: npt.NDArray[Any], lengths: npt.NDArray[np.int64]) -> pa.ListArray:
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), pa.array(values.astype(np.int64)))
