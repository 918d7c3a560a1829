from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from sesrec_tf.data.damaged_records import records_checked
from sesrec_tf.data.evaluation_batches import evaluation_batches
from sesrec_tf.data.prepared import PreparedDataset
from sesrec_tf.errors import InputError
from sesrec_tf.schema import CANDIDATES, INSTANCE, USER


@pytest.mark.parametrize("split", ["valid", "test"])
def test_holds_every_instance_once_in_the_order_of_the_events(
    tiny_data: PreparedDataset, split: str
) -> None:
    batches = list(evaluation_batches(tiny_data, split, tiny_data.history, 7).as_numpy_iterator())
    sizes = [len(batch[USER]) for batch in batches]
    instances = tiny_data.instances(split)
    assert sizes[:-1] == [7] * (len(sizes) - 1)
    assert sum(sizes) == instances
    events = tiny_data.table("interactions")
    events = events[events["split"] == split]
    found = {name: np.concatenate([batch[name] for batch in batches]) for name in (INSTANCE, USER)}
    np.testing.assert_array_equal(found[INSTANCE], events["row"])
    np.testing.assert_array_equal(found[USER], events["user"])
    positives = np.concatenate([batch[CANDIDATES][:, 0] for batch in batches])
    np.testing.assert_array_equal(positives, events["item"])


def test_candidates_are_frozen(tiny_data: PreparedDataset) -> None:
    first, second = (
        next(evaluation_batches(tiny_data, "test", tiny_data.history, 100).as_numpy_iterator())
        for _ in range(2)
    )
    assert first[CANDIDATES].shape[1] == 20
    np.testing.assert_array_equal(first[CANDIDATES], second[CANDIDATES])


@pytest.mark.parametrize("cut", [5, 0])
def test_damaged_files_are_named(tiny_data: PreparedDataset, tmp_path: Path, cut: int) -> None:
    """Cut off in the middle of a record, or gone altogether."""
    data = PreparedDataset(shutil.copytree(tiny_data.path, tmp_path / "data"))
    file = Path(data.record_files("test")[0])
    batches = evaluation_batches(data, "test", data.history)
    if cut:
        os.truncate(file, file.stat().st_size - cut)
        message = f"{re.escape(str(file))} is truncated"
    else:
        file.write_bytes(b"")
        message = f"holds 0 records in 1 files, expected {data.instances('test')}"
    with pytest.raises(InputError, match=message), records_checked(data, "test"):
        list(batches)


def test_another_split_is_refused(tiny_data: PreparedDataset) -> None:
    with pytest.raises(InputError, match="`split` should be one of"):
        evaluation_batches(tiny_data, "dev", tiny_data.history)
