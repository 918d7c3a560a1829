"""Errors of damaged record files, told in the user's terms."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf

from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError


@contextmanager
def records_checked(prepared: PreparedDataset, split: str) -> Iterator[None]:
    """Around the reading of a split: an error of its files becomes an `InputError`.

    TensorFlow names neither the file nor a remedy. Nothing is read twice unless reading failed.

    Args:
        prepared: the data set that is read.
        split: the split that is read.

    Raises:
        InputError: if a record file is truncated, damaged or gone, naming it.
    """
    try:
        yield
    except (
        tf.errors.DataLossError,
        tf.errors.FailedPreconditionError,
        tf.errors.NotFoundError,
    ) as error:
        damage = _find_damage(prepared, split)
        if damage is None:
            raise
        raise InputError(
            f"{damage} Prepare the data set again with `python -m pipelines.prepare`, or copy it "
            "again from where it is whole."
        ) from error


def _find_damage(prepared: PreparedDataset, split: str) -> str | None:
    """What is wrong with the files of a split."""
    found = 0
    files = prepared.record_files(split)
    for file in files:
        readable = 0
        try:
            for _ in tf.data.TFRecordDataset(file):
                readable += 1
        except tf.errors.OpError:
            return f"{file} is truncated or damaged: expected whole records, received {readable}."
        found += readable
    expected = prepared.instances(split)
    if found == expected:
        return None
    return (
        f"{prepared.path / split} holds {found} records in {len(files)} files, expected "
        f"{expected} as counted in dataset_info.json: {files[-1]} or a file after it is cut off."
    )
