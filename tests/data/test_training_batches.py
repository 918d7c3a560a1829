from __future__ import annotations

import dataclasses
import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.log_tables import LogTables
from sesrec_tf.data.preparation import prepare
from sesrec_tf.data.prepare_options import PrepareOptions
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.data.training_batches import steps_per_epoch, training_batches
from sesrec_tf.errors import InputError
from sesrec_tf.schema import (
    CANDIDATES,
    CLICK_PAIRS,
    CLICKED_ITEMS,
    PADDING,
    QUERIES,
    QUERY_SOURCES,
    QUERY_WORDS,
    REC_ITEMS,
    UNKNOWN,
    USER,
    batch_shapes,
)

Batch = dict[str, np.ndarray]


@pytest.fixture(scope="module")
def config(tiny_config: Config) -> Config:
    return tiny_config.replace("training", unknown_rate=0.0, batch_size=32)


def take(
    data: PreparedDataset, config: Config, number: int, epoch: int = 0, step: int = 0
) -> list[Batch]:
    stream = training_batches(data, config, epoch, step).take(number)
    return [{**batch, "labels": labels} for batch, labels in stream.as_numpy_iterator()]


def keys(batch: Batch) -> list[tuple[int, ...]]:
    """Each instance by user, positive and histories, which tell instances apart."""
    columns = [batch[name].reshape(len(batch[USER]), -1) for name in (USER, REC_ITEMS, QUERIES)]
    rows = np.concatenate([*columns, batch[CANDIDATES][:, :1]], axis=1)
    return [tuple(row) for row in rows.tolist()]


def epochs(data: PreparedDataset, config: Config, number: int) -> list[list[Batch]]:
    steps = steps_per_epoch(data, config)
    batches = take(data, config, number * steps)
    return [batches[start : start + steps] for start in range(0, len(batches), steps)]


def all_instances(data: PreparedDataset, config: Config) -> dict[tuple[int, ...], int]:
    """How many training instances have each key."""
    config = config.replace("training", batch_size=1, official_sampling=True)
    counts: dict[tuple[int, ...], int] = {}
    for batch in take(data, config, data.instances("train")):
        for key in keys(batch):
            counts[key] = counts.get(key, 0) + 1
    return counts


def assert_same(first: list[Batch], second: list[Batch]) -> None:
    assert len(first) == len(second)
    for one, two in zip(first, second, strict=True):
        assert one.keys() == two.keys()
        for name in one:
            assert one[name].tobytes() == two[name].tobytes(), name


def test_shapes_dtypes_and_labels(tiny_data: PreparedDataset, config: Config) -> None:
    (batch,) = take(tiny_data, config, 1)
    expected = {**batch_shapes(config.history), CLICK_PAIRS: (), "labels": (5,)}
    expected[CANDIDATES] = (1 + config.training.negatives,)
    assert {name: value.shape for name, value in batch.items()} == {
        name: (32, *shape) for name, shape in expected.items()
    }
    np.testing.assert_array_equal(batch.pop("labels"), [[1, 0, 0, 0, 0]] * 32)
    assert {value.dtype for value in batch.values()} == {np.dtype(np.int32)}


def test_an_epoch_holds_every_instance_at_most_once(
    tiny_data: PreparedDataset, config: Config
) -> None:
    """All but the remainder of the last batch, in another order each epoch."""
    instances = all_instances(tiny_data, config)
    assert sum(instances.values()) == tiny_data.instances("train")
    orders = []
    for epoch in epochs(tiny_data, config, 3):
        order = [key for batch in epoch for key in keys(batch)]
        assert len(order) == tiny_data.instances("train") // 32 * 32
        assert all(order.count(key) <= instances[key] for key in set(order))
        orders.append(order)
    for first, second in ((0, 1), (1, 2), (0, 2)):
        same = np.mean([a == b for a, b in zip(orders[first], orders[second], strict=True)])
        assert same < 0.1


def test_a_stream_started_later_continues_the_same_sequence(
    tiny_data: PreparedDataset, config: Config
) -> None:
    config = config.replace("training", unknown_rate=0.2)
    steps = steps_per_epoch(tiny_data, config)
    assert steps > 3
    whole = take(tiny_data, config, 3 * steps)
    for epoch, step in ((0, 0), (0, 3), (1, 0), (1, steps - 1), (2, 1)):
        done = epoch * steps + step
        assert_same(take(tiny_data, config, 3 * steps - done, epoch, step), whole[done:])


def test_a_function_of_the_seed_and_of_nothing_else(
    tiny_data: PreparedDataset, config: Config
) -> None:
    first = take(tiny_data, config, 2)
    tf.random.set_seed(1)
    same = take(tiny_data, config, 2)
    tf.random.set_seed(2)
    assert_same(same, take(tiny_data, config, 2))
    assert_same(first, same)
    other = take(tiny_data, config.replace("training", seed=1), 2)
    assert keys(first[0]) != keys(other[0])


def test_negatives_are_new_each_epoch_and_never_in_the_history(
    tiny_data: PreparedDataset, config: Config
) -> None:
    drawn = []
    for epoch in epochs(tiny_data, config, 2):
        negatives = {}
        for batch in epoch:
            for key, row, history in zip(
                keys(batch), batch[CANDIDATES], batch[REC_ITEMS], strict=True
            ):
                assert not set(row[1:]) & {PADDING, UNKNOWN, row[0], *history}
                assert len(set(row[1:])) == 4
                negatives[key] = tuple(row[1:])
        drawn.append(negatives)
    both = drawn[0].keys() & drawn[1].keys()
    assert np.mean([drawn[0][key] == drawn[1][key] for key in both]) < 0.1


def test_official_sampling_repeats_every_epoch_in_the_order_of_the_file(
    tiny_data: PreparedDataset, config: Config
) -> None:
    config = config.replace("training", official_sampling=True)
    first, second = epochs(tiny_data, config, 2)
    assert_same(first, second)
    stored = [key for batch in first for key in keys(batch)]
    single = config.replace("training", batch_size=1)
    one_by_one = take(tiny_data, single, len(stored))
    assert stored == [keys(batch)[0] for batch in one_by_one]


def test_ids_become_unknown_at_the_given_rate(tiny_data: PreparedDataset, config: Config) -> None:
    """Words and sources too, so that every unknown row is trained; padding stays."""
    steps = steps_per_epoch(tiny_data, config)
    whole = take(tiny_data, config, steps)
    forgetful = take(tiny_data, config.replace("training", unknown_rate=0.3), steps)
    ids = (USER, REC_ITEMS, QUERIES, CLICKED_ITEMS, CANDIDATES, QUERY_WORDS, QUERY_SOURCES)
    for name in ids:
        before = np.concatenate([batch[name] for batch in whole])
        after = np.concatenate([batch[name] for batch in forgetful])
        changed = before != after
        assert (after[changed] == UNKNOWN).all()
        assert (before[changed] != PADDING).all()
        known = before > UNKNOWN
        # At least 200 draws each: a standard error of at most 0.033.
        assert known.sum() >= 200
        assert changed[known].mean() == pytest.approx(0.3, abs=0.12), name
    for name in (CLICK_PAIRS, "labels"):
        for one, two in zip(whole, forgetful, strict=True):
            np.testing.assert_array_equal(one[name], two[name])


def test_an_unknown_candidate_says_nothing_of_its_label(
    tiny_logs: LogTables, config: Config, tmp_path: Path
) -> None:
    """Rare items are unknown, yet training meets unknown candidates by `unknown_rate` alone."""
    options = PrepareOptions(
        max_rec=6, max_searches=4, max_clicks=2, max_words=3, num_negatives=9, min_count=10
    )
    data = prepare(tiny_logs, options, tmp_path / "data")
    assert data.info["unknown_positives"]["train"] > 50
    config = config.replace("training", unknown_rate=0.1)
    config = dataclasses.replace(config, history=data.history)
    batches = take(data, config, 25 * steps_per_epoch(data, config))
    unknown = np.concatenate([batch[CANDIDATES] for batch in batches]) == UNKNOWN
    labels = np.concatenate([batch["labels"] for batch in batches])
    # 1 of 1 + 4, with a standard error below 0.01; 0.48 if the 79 instances were not left out.
    assert unknown.sum() > 1600
    assert labels[unknown].mean() == pytest.approx(1 / 5, abs=0.04)


def test_click_pairs_count_the_whole_batch(tiny_data: PreparedDataset, config: Config) -> None:
    for batch in take(tiny_data, config, 3):
        pairs = np.sum((batch[CLICKED_ITEMS] > 0) & (batch[QUERIES] > 0)[..., None])
        assert pairs > 0
        np.testing.assert_array_equal(batch[CLICK_PAIRS], [pairs] * 32)


def test_fewer_instances_than_one_batch(tiny_data: PreparedDataset, config: Config) -> None:
    instances = tiny_data.instances("train")
    assert steps_per_epoch(tiny_data, config.replace("training", batch_size=instances)) == 1
    config = config.replace("training", batch_size=instances + 1)
    message = f"has {instances} training instances, expected at least one batch of {instances + 1}"
    for use in (steps_per_epoch, training_batches):
        with pytest.raises(InputError, match=rf"{message}.*--batch-size"):
            use(tiny_data, config)


def damaged(data: PreparedDataset, target: Path, damage: str) -> tuple[PreparedDataset, str]:
    """A copy with a damaged shard, and what the message should hold."""
    copy = PreparedDataset(shutil.copytree(data.path, target))
    file = Path(copy.record_files("train")[0])
    if damage == "truncated":
        os.truncate(file, file.stat().st_size - 5)
        return copy, f"{re.escape(str(file))} is truncated or damaged"
    if damage == "altered":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
        return copy, f"{re.escape(str(file))} is truncated or damaged"
    records = list(tf.data.TFRecordDataset(str(file)).as_numpy_iterator())
    with tf.io.TFRecordWriter(str(file)) as writer:
        for record in records[:-40]:
            writer.write(record)
    found = data.instances("train") - 40
    return copy, rf"holds {found} records in \d+ files, expected {data.instances('train')}"


@pytest.mark.parametrize("damage", ["truncated", "altered", "whole records cut off"])
def test_damaged_files_are_named(
    tiny_data: PreparedDataset, config: Config, tmp_path: Path, damage: str
) -> None:
    data, message = damaged(tiny_data, tmp_path / "data", damage)
    steps = steps_per_epoch(data, config)
    with (
        pytest.raises(InputError, match=rf"{message}.*pipelines.prepare"),
        records_checked(data, "train"),
    ):
        take(data, config, 2 * steps)


def test_other_errors_of_whole_files_are_left_alone(tiny_data: PreparedDataset) -> None:
    error = tf.errors.DataLossError(None, None, "of something else")
    with pytest.raises(tf.errors.DataLossError), records_checked(tiny_data, "train"):
        raise error
