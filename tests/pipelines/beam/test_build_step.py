from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from pipelines.beam.build_step import BUILT, BuildPartition, partition_name
from pipelines.beam.read_step import ReadPart, partition_rows
from pipelines.beam.staging import Staging
from sesrec_tf.data.log_counts import LogCounts
from sesrec_tf.data.partition import Partition
from sesrec_tf.data.partition_files import PartitionFiles
from sesrec_tf.data.preparation_driver import KNOWN_IDS
from sesrec_tf.data.vocabularies import Vocabularies
from sesrec_tf.errors import InputError
from sesrec_tf.schema import SPLITS
from tests.data.dataset_content import file_records
from tests.data.log_rows import shop_logs
from tests.pipelines.beam.runners import OPTIONS

SHARDS = dict.fromkeys(SPLITS, 3)


def partition(staging: Staging, number: int) -> Partition:
    tables = [partition_rows(staging, table, number) for table in ("interactions", "searches")]
    return Partition.of(*tables, OPTIONS)


@pytest.fixture(params=["path", "store"])
def staging(request: pytest.FixtureRequest, tmp_path: Path) -> Staging:
    """Rows of `shop_logs` in two partitions, and the known ids."""
    root = str(tmp_path / "work") if request.param == "path" else f"shelf://{tmp_path.name}"
    found = Staging(root)
    for table in ("interactions", "searches"):
        list(ReadPart(shop_logs(), OPTIONS, 2, found).process((table, 0)))
    counts = LogCounts.merged(partition(found, number).counts(OPTIONS) for number in range(2))
    Vocabularies.of(counts, OPTIONS).known_ids().save(tmp_path / KNOWN_IDS)
    found.put(tmp_path / KNOWN_IDS, KNOWN_IDS)
    return found


def test_leaves_the_files_of_a_partition(staging: Staging, tmp_path: Path) -> None:
    step = BuildPartition(OPTIONS, SHARDS, staging)
    step.setup()
    for number in range(2):
        step.process(number)
    step.process(1)
    assert staging.listing(*BUILT) == ["00000", "00001"]
    for number in range(2):
        path = staging.get(tmp_path / "copy" / str(number), *partition_name(number))
        expected = PartitionFiles.write(
            tmp_path / "expected" / str(number),
            partition(staging, number),
            step._known,
            OPTIONS,
            SHARDS,
        ).path
        names = sorted(file.name for file in expected.iterdir())
        assert sorted(file.name for file in path.iterdir()) == names
        for name in names:
            if name.endswith(".tfrecord"):
                assert file_records(path / name) == file_records(expected / name)
            else:
                assert (path / name).read_bytes() == (expected / name).read_bytes()
    step.teardown()
    if staging.is_local:
        assert not list(Path(staging.root).glob("scratch-*"))


def test_an_error_is_left_for_the_launcher(staging: Staging) -> None:
    step = BuildPartition(replace(OPTIONS, num_negatives=500), SHARDS, staging)
    step.setup()
    step.process(0)
    step.teardown()
    assert staging.listing(*BUILT) == []
    assert staging.listing(*partition_name(0)) == []
    with pytest.raises(InputError, match="too few items for `--num-negatives 500`"):
        staging.raise_errors()
