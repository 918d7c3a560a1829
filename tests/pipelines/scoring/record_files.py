"""Requests of the tests, in both kinds of files."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import tensorflow as tf

from sesrec_tf.servable.raw_examples import make_example


def as_json(request: dict[str, Any]) -> bytes:
    """A request of the client's form as a line."""
    return json.dumps(request, ensure_ascii=False).encode("utf-8")


def as_example(request: dict[str, Any]) -> bytes:
    """The same as the signature `examples` takes it."""
    searches = request.get("searches", [])
    lists = {
        "user": [request["user"]],
        "rec_items": request.get("rec_items", []),
        "queries": [search["query"] for search in searches],
        "query_sources": [search.get("source", "") for search in searches],
        "clicked_items": [" ".join(search.get("clicked_items", [])) for search in searches],
        "candidates": request["candidates"],
        "request_id": [request["request_id"]] if "request_id" in request else [],
    }
    return make_example(lists).SerializeToString()


def write_lines(path: Path, lines: Iterable[bytes]) -> Path:
    """A file of lines, packed if its name says so."""
    data = b"".join(line + b"\n" for line in lines)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_records(path: Path, records: Sequence[bytes]) -> Path:
    """A TFRecord file, packed if its name says so, by TensorFlow's own writer."""
    options = tf.io.TFRecordOptions("GZIP" if path.suffix == ".gz" else "")
    with tf.io.TFRecordWriter(str(path), options) as writer:
        for record in records:
            writer.write(record)
    return path
