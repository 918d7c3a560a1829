from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from sesrec_tf.data.batches import parse_batch
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.schema import (
    CANDIDATES,
    CLICKED_ITEMS,
    EARLIER_INTERACTIONS,
    EARLIER_SEARCHES,
    INSTANCE,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    SPLITS,
    USER,
    HistoryShape,
    batch_shapes,
    record_widths,
)

Record = dict[str, list[int]]


def records(prepared: PreparedDataset, split: str) -> list[bytes]:
    dataset = tf.data.TFRecordDataset(prepared.record_files(split))
    return [record.numpy() for record in dataset]


def decode(serialized: bytes) -> Record:
    features = tf.train.Example.FromString(serialized).features.feature
    return {name: list(value.int64_list.value) for name, value in features.items()}


def number_of_candidates(prepared: PreparedDataset, split: str) -> int:
    return 1 if split == "train" else 1 + int(prepared.info["negatives"]["number"])


def events(values: Sequence[int], stored: int, length: int, width: int) -> list[list[int]]:
    """The last `length` events of `stored` values each, the first `width` of them, 0 where none."""
    groups = [list(values[start : start + stored]) for start in range(0, len(values), stored)]
    rows = [(group + [0] * width)[:width] for group in groups[-length:]]
    return rows + [[0] * width] * (length - len(rows))


def expected_batch(
    decoded: list[Record], stored: HistoryShape, shape: HistoryShape
) -> dict[str, npt.NDArray[np.int64]]:
    rec, searches = shape.rec_length, shape.search_length
    widths = {
        REC_ITEMS: (1, rec, 1),
        QUERIES: (1, searches, 1),
        QUERY_SOURCES: (1, searches, 1),
        QUERY_WORDS: (stored.query_words, searches, shape.query_words),
        CLICKED_ITEMS: (stored.clicks, searches, shape.clicks),
    }
    batch = {}
    for name in (USER, INSTANCE, EARLIER_INTERACTIONS, EARLIER_SEARCHES):
        batch[name] = np.array([record[name][0] for record in decoded])
    batch[CANDIDATES] = np.array([record[CANDIDATES] for record in decoded])
    for name, (stored_width, length, width) in widths.items():
        rows = [events(record[name], stored_width, length, width) for record in decoded]
        values = np.array(rows)
        batch[name] = values if name in (QUERY_WORDS, CLICKED_ITEMS) else values[..., 0]
    return batch


SHAPES = {
    "as stored": {},
    "narrower": {"rec_length": 2, "search_length": 1, "query_words": 2, "clicks": 1},
    "wider": {"rec_length": 9, "search_length": 7, "query_words": 5, "clicks": 4},
    "mixed": {"rec_length": 1, "search_length": 9, "query_words": 1, "clicks": 3},
}


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("widths", SHAPES.values(), ids=SHAPES.keys())
def test_equals_a_plain_decoding(
    tiny_data: PreparedDataset, split: str, widths: dict[str, int]
) -> None:
    shape = dataclasses.replace(tiny_data.history, **widths)
    serialized = records(tiny_data, split)
    candidates = number_of_candidates(tiny_data, split)
    found = parse_batch(tf.constant(serialized), tiny_data.history, shape, candidates)
    expected = expected_batch([decode(one) for one in serialized], tiny_data.history, shape)
    assert found.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_array_equal(found[name], values, err_msg=name)


def test_dtypes_and_static_shapes(tiny_data: PreparedDataset) -> None:
    shape = dataclasses.replace(tiny_data.history, search_length=9, clicks=1)
    parse = tf.function(lambda records: parse_batch(records, tiny_data.history, shape, 1))
    signature = parse.get_concrete_function(tf.TensorSpec([None], tf.string)).structured_outputs
    for name, dimensions in batch_shapes(shape).items():
        expected = [None, 1] if name == CANDIDATES else [None, *dimensions]
        assert signature[name].shape.as_list() == expected
        assert signature[name].dtype == tf.int32
    for name in (INSTANCE, EARLIER_INTERACTIONS, EARLIER_SEARCHES):
        assert signature[name].dtype == tf.int64


def test_records_hold_the_features_of_the_schema(tiny_data: PreparedDataset) -> None:
    widths = record_widths(tiny_data.history)
    for record in map(decode, records(tiny_data, "train")):
        assert record.keys() <= widths.keys()
        searches = len(record.get(QUERIES, []))
        assert len(record.get(QUERY_WORDS, [])) == searches * tiny_data.history.query_words
        assert len(record.get(CLICKED_ITEMS, [])) == searches * tiny_data.history.clicks


def test_empty_histories_are_all_padding() -> None:
    feature = {
        name: tf.train.Feature(int64_list=tf.train.Int64List(value=[value]))
        for name, value in {
            USER: 5,
            INSTANCE: 9,
            EARLIER_INTERACTIONS: 0,
            EARLIER_SEARCHES: 0,
            CANDIDATES: 7,
        }.items()
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    shape = HistoryShape(rec_length=2, search_length=3, query_words=2, clicks=1)
    batch = parse_batch(tf.constant([example.SerializeToString()]), shape, shape, 1)
    assert batch[CANDIDATES].numpy().tolist() == [[7]]
    for name in (REC_ITEMS, QUERIES, QUERY_WORDS, QUERY_SOURCES, CLICKED_ITEMS):
        assert batch[name].shape == (1, *batch_shapes(shape)[name])
        assert not np.any(batch[name])
