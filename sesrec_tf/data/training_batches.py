"""The stream of training batches: shuffled, with fresh negatives, a function of the seed alone."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from sesrec_tf.config import Config
from sesrec_tf.data.batches import parse_batch
from sesrec_tf.data.negative_sampling import NegativeSampler
from sesrec_tf.data.prepared import PreparedDataset
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

Tensor = Any

SHUFFLE_WINDOW = 1 << 17
"""Records shuffled together; windows differ each epoch, as the files are read in another order."""

# The place of a feature seeds its draws: new ones go to the end.
_ID_FEATURES = (
    USER,
    REC_ITEMS,
    QUERIES,
    CLICKED_ITEMS,
    CANDIDATES,
    QUERY_WORDS,
    QUERY_SOURCES,
)
_EPOCH_SALT = 1_000_003
_UNKNOWN_SALT, _FILE_SALT, _RECORD_SALT = (number << 32 for number in (1, 2, 3))


def steps_per_epoch(prepared: PreparedDataset, config: Config) -> int:
    """Full batches of one epoch; the remainder is dropped.

    Raises:
        InputError: if there are fewer instances than one batch.
    """
    instances, batch = prepared.instances("train"), config.training.batch_size
    if instances < batch:
        raise InputError(
            f"{prepared.path} has {instances} training instances, expected at least one batch "
            f"of {batch}. Use a smaller --batch-size or more data."
        )
    return instances // batch


def negative_sampler(prepared: PreparedDataset, config: Config) -> NegativeSampler:
    """The sampler of a run's negatives.

    Raises:
        InputError: if the data set has too few items.
    """
    training = config.training
    return NegativeSampler(prepared.item_counts, training.negatives, training.negative_distribution)


def training_batches(
    prepared: PreparedDataset, config: Config, first_epoch: int = 0, first_step: int = 0
) -> tf.data.Dataset:
    """All batches from a point of the run onwards.

    Every draw is a stateless function of the seed, the epoch and the step, so that a stream
    started later continues the very same sequence.

    Args:
        prepared: the data set.
        config: the run's settings.
        first_epoch, first_step: epoch, and step within it, of the first batch.

    Returns:
        Endless pairs of a batch (`schema.batch_shapes`, K = 1 + negatives, positive first, and
        `click_pairs`) and float32 labels `[B, K]`.
    """
    steps_per_epoch(prepared, config)
    read = _EpochReader(prepared, config)
    first = read(tf.constant(first_epoch, tf.int64)).skip(first_step)
    later = tf.data.Dataset.counter(first_epoch + 1).flat_map(read)
    return (
        first.concatenate(later)
        .map(_BatchMaker(prepared, config), num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .prefetch(tf.data.AUTOTUNE)
    )


class _EpochReader:
    """One epoch as ((epoch, step), serialized records [B])."""

    def __init__(self, prepared: PreparedDataset, config: Config) -> None:
        self._files = prepared.record_files("train")
        self._training = config.training
        self._instances = prepared.instances("train")

    def __call__(self, epoch: Tensor) -> tf.data.Dataset:
        training = self._training
        key = epoch * _EPOCH_SALT + training.seed
        files = tf.constant(self._files)
        if not training.official_sampling:
            files = _shuffled(files, tf.stack([key + _FILE_SALT, 0]))
        records = tf.data.Dataset.from_tensor_slices(files).interleave(
            tf.data.TFRecordDataset,
            cycle_length=min(4, len(self._files)),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        if not training.official_sampling:
            # Not `Dataset.shuffle`, whose order also depends on the process's global seed.
            windows = records.batch(SHUFFLE_WINDOW).enumerate()
            records = windows.map(
                lambda number, window: _shuffled(window, tf.stack([key + _RECORD_SALT, number]))
            ).unbatch()
        records = records.apply(tf.data.experimental.assert_cardinality(self._instances))
        batches = records.batch(training.batch_size, drop_remainder=True)
        drawn_epoch = epoch * 0 if training.official_sampling else epoch
        return batches.enumerate().map(lambda step, batch: (tf.stack([drawn_epoch, step]), batch))


class _BatchMaker:
    """Parses a batch, draws its negatives and forgets some of its ids."""

    def __init__(self, prepared: PreparedDataset, config: Config) -> None:
        self._stored = prepared.history
        self._config = config
        self._sampler = negative_sampler(prepared, config)

    def __call__(self, position: Tensor, serialized: Tensor) -> tuple[dict[str, Tensor], Tensor]:
        training = self._config.training
        parsed = parse_batch(serialized, self._stored, self._config.history, candidates=1)
        batch = {name: parsed[name] for name in batch_shapes(self._config.history)}
        key = position[0] * _EPOCH_SALT + training.seed
        step_key = position[1] * 256
        positives = batch[CANDIDATES][:, 0]
        negatives = self._sampler(positives, batch[REC_ITEMS], tf.stack([key, step_key]))
        batch[CANDIDATES] = tf.concat([positives[:, None], negatives], axis=1)
        if training.unknown_rate:
            batch |= self._forget(batch, key + _UNKNOWN_SALT, step_key)
        batch[CLICK_PAIRS] = _click_pairs(batch)
        labels = tf.one_hot(tf.zeros_like(positives), 1 + training.negatives)
        return batch, labels

    def _forget(self, batch: dict[str, Tensor], key: Tensor, step_key: Tensor) -> dict[str, Tensor]:
        """Each id, word and source becomes unknown with the configured probability.

        So the unknown row of every vocabulary is trained; padding stays.
        """
        forgotten = {}
        for number, name in enumerate(_ID_FEATURES):
            ids = batch[name]
            draws = tf.random.stateless_uniform(tf.shape(ids), tf.stack([key, step_key + number]))
            forget = (draws < self._config.training.unknown_rate) & (ids != PADDING)
            forgotten[name] = tf.where(forget, UNKNOWN, ids)
        return forgotten


def _shuffled(values: Tensor, seed: Tensor) -> Tensor:
    """The rows of `values` in an order drawn from int64 `[2]` `seed`."""
    keys = tf.random.stateless_uniform(tf.shape(values)[:1], seed, None, None, tf.int64)
    return tf.gather(values, tf.argsort(keys))


def _click_pairs(batch: dict[str, Tensor]) -> Tensor:
    clicked = (batch[CLICKED_ITEMS] != PADDING) & (batch[QUERIES] != PADDING)[..., None]
    count = tf.math.count_nonzero(clicked, dtype=tf.int32)
    return tf.fill(tf.shape(batch[USER]), count)
